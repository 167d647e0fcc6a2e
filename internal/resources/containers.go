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

	portSync      = "sync"
	portHeartbeat = "heartbeat"
	portHealth    = "health"
	portMetrics   = "metrics"
)

// firewallContainer returns the container of the firewall. It runs as root with NET_ADMIN alone: a capability that is
// given to another user is lost when the program is executed.
func firewallContainer(image string, wanted v1alpha1.ContainerSpec) (*corev1ac.ContainerApplyConfiguration, error) {
	container := corev1ac.Container().
		WithName(ContainerFirewall).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("--config="+contract.FirewallFile, "--status="+contract.FirewallStatusFile).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithSecurityContext(confined("NET_ADMIN")).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeFirewall, path.Dir(contract.FirewallFile)).WithReadOnly(true),
			mount(volumeRun, path.Dir(contract.FirewallStatusFile)),
		)
	if r := wanted.Resources; len(r.Requests) == 0 && len(r.Limits) == 0 && len(r.Claims) == 0 {
		return container, nil
	}
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](wanted.Resources)
	return container.WithResources(resources), err
}

// sidecarContainer returns the container of the sidecar. It needs NET_RAW for the announcements to the neighbours, and
// BPF for the gate that the kernel closes by itself.
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
			"--health-bind-address=:"+strconv.Itoa(contract.HealthPort),
			// On the pod's own address alone: what the traffic networks can reach is the firewall's affair.
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
		), err
}

// sidecarRequests returns what the sidecar requests by default.
func sidecarRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}
}

// withDefaultRequests adds the default request of each resource that has neither a request nor a limit. The API server
// would refuse a request above a given limit.
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

// verbosity returns the flag of a program for a log level. The default level needs none, so that a firewall of another
// maker has to know the flag only where a pair asks for more.
func verbosity(level v1alpha1.LogLevel) []string {
	if level == v1alpha1.LogDebug {
		return []string{"--verbosity=1"}
	}
	return nil
}

// sysctlContainer turns IPv6 forwarding on before anything else runs. Linux has no netlink message for it, and
// /proc/sys is read-only in any container that is not privileged; so this one is, for the moment that it takes.
func sysctlContainer(image string) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(ContainerSysctl).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("sysctl").
		WithSecurityContext(corev1ac.SecurityContext().WithPrivileged(true).WithRunAsUser(0)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError)
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
