package resources

import (
	"path"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// The containers of a unit's pod.
const (
	ContainerFirewall = "firewall"
	ContainerSidecar  = "sidecar"
	ContainerSysctl   = "sysctl"
)

const (
	volumeSidecar  = "sidecar"
	volumeGiven    = "given"
	volumeFirewall = "firewall"
	volumeTLS      = "tls"
	volumeRun      = "run"
	volumeState    = "state"
	volumeMetrics  = "metrics"
	volumeAPI      = "kube-api-access"

	portSync      = "sync"
	portHeartbeat = "heartbeat"
	portHealth    = "health"
	portMetrics   = "metrics"
)

// firewallContainer returns the container of the firewall. It runs as root, since a program of another user would lose
// its capabilities when it is executed. NET_RAW is for the messages of IGMP, MLD, DHCP and router advertisements, and
// NET_BIND_SERVICE for the port of DNS. They do not depend on whether the document has those: a change of the document
// would otherwise replace the pods.
func firewallContainer(image string, wanted v1alpha1.ContainerSpec) (*corev1ac.ContainerApplyConfiguration, error) {
	container := corev1ac.Container().
		WithName(ContainerFirewall).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("--config="+contract.FirewallFile, "--status="+contract.FirewallStatusFile).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithSecurityContext(confined("NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW")).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeFirewall, path.Dir(contract.FirewallFile)).WithReadOnly(true),
			mount(volumeRun, path.Dir(contract.FirewallStatusFile)),
		)
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(wanted.Resources, firewallRequests()))
	return container.WithResources(resources), err
}

// sidecarContainer returns the container of the sidecar. The sidecar needs NET_RAW to announce addresses to neighbours,
// and BPF for the gate that the kernel closes at a deadline.
func sidecarContainer(
	image string, unit v1alpha1.Unit, wanted v1alpha1.ContainerSpec,
) (*corev1ac.ContainerApplyConfiguration, error) {
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(wanted.Resources, sidecarRequests()))
	return corev1ac.Container().
		WithName(ContainerSidecar).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs(
			"--unit="+string(unit),
			"--settings="+contract.SidecarFile,
			"--tls-dir="+contract.TLSDirectory,
			"--given-document="+contract.GivenFile,
			"--firewall-document="+contract.FirewallFile,
			"--firewall-status="+contract.FirewallStatusFile,
			// Only on the address of the pod network: the traffic networks must not reach health and metrics.
			"--health-bind-address=[$(POD_IP)]:"+strconv.Itoa(contract.HealthPort),
			"--metrics-bind-address=[$(POD_IP)]:"+strconv.Itoa(contract.MetricsPort),
			"--metrics-token="+contract.MetricsTokenFile,
		).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithEnv(
			fromField("POD_NAMESPACE", "metadata.namespace"),
			fromField("POD_UID", "metadata.uid"),
			fromField("POD_IP", "status.podIP"),
		).
		WithPorts(
			port(portSync, corev1.ProtocolTCP, contract.SyncPort),
			port(portHeartbeat, corev1.ProtocolUDP, contract.SyncPort),
			port(portHealth, corev1.ProtocolTCP, contract.HealthPort),
			port(portMetrics, corev1.ProtocolTCP, contract.MetricsPort),
		).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(2)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(5).WithFailureThreshold(3)).
		WithResources(resources).
		WithSecurityContext(confined("NET_ADMIN", "NET_RAW", "BPF")).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeSidecar, path.Dir(contract.SidecarFile)).WithReadOnly(true),
			mount(volumeTLS, contract.TLSDirectory).WithReadOnly(true),
			mount(volumeGiven, path.Dir(contract.GivenFile)).WithReadOnly(true),
			mount(volumeFirewall, path.Dir(contract.FirewallFile)),
			mount(volumeRun, path.Dir(contract.FirewallStatusFile)).WithReadOnly(true),
			mount(volumeState, contract.StateDirectory),
			mount(volumeMetrics, path.Dir(contract.MetricsTokenFile)).WithReadOnly(true),
			mount(volumeAPI, contract.APIAccessDirectory).WithReadOnly(true),
		), err
}

// sidecarRequests returns the default requests of the sidecar.
func sidecarRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}
}

// firewallRequests returns the default requests of the firewall. It needs little processor time, but needs it at once:
// without a request it would get the least share of a busy node, also while it holds a lock of the kernel's network
// configuration for which a takeover waits.
func firewallRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}
}

// withDefaultRequests adds the default request of each resource that has neither a request nor a limit. With a limit,
// the default could exceed it, and the API server would refuse the pod.
func withDefaultRequests(
	given corev1.ResourceRequirements, requests corev1.ResourceList,
) corev1.ResourceRequirements {
	wanted := *given.DeepCopy()
	for name, quantity := range requests {
		_, requested := wanted.Requests[name]
		if _, limited := wanted.Limits[name]; requested || limited {
			continue
		}
		if wanted.Requests == nil {
			wanted.Requests = corev1.ResourceList{}
		}
		wanted.Requests[name] = quantity
	}
	return wanted
}

// verbosity returns the flag of a program for a log level. The default level has no flag, so that another firewall
// needs to support the flag only if a pair sets the level.
func verbosity(level v1alpha1.LogLevel) []string {
	if level == v1alpha1.LogDebug {
		return []string{"--verbosity=1"}
	}
	return nil
}

// sysctlContainer returns the init container that enables IPv6 forwarding. Linux has no netlink message for that, and
// /proc/sys is read-only in a container that is not privileged. Only this short-lived container is therefore
// privileged.
//
// It has the resources of the sidecar: a quota on limits refuses a pod with any container that has none. It ends before
// the sidecar starts, so the pod does not need more than without it.
func sysctlContainer(image string, sidecar v1alpha1.ContainerSpec) (*corev1ac.ContainerApplyConfiguration, error) {
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(sidecar.Resources, sidecarRequests()))
	return corev1ac.Container().
		WithName(ContainerSysctl).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("sysctl").
		WithResources(resources).
		WithSecurityContext(corev1ac.SecurityContext().WithPrivileged(true).WithRunAsUser(0)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError), err
}

func confined(capabilities ...corev1.Capability) *corev1ac.SecurityContextApplyConfiguration {
	return corev1ac.SecurityContext().
		WithRunAsUser(0).
		WithAllowPrivilegeEscalation(false).
		WithReadOnlyRootFilesystem(true).
		WithCapabilities(corev1ac.Capabilities().WithDrop("ALL").WithAdd(capabilities...)).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

func probe(at string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(at).WithPort(intstr.FromString(portHealth)))
}

func port(name string, protocol corev1.Protocol, number int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithProtocol(protocol).WithContainerPort(number)
}

func fromField(name, field string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).
		WithValueFrom(corev1ac.EnvVarSource().WithFieldRef(corev1ac.ObjectFieldSelector().WithFieldPath(field)))
}

func mount(volume, at string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(at)
}
