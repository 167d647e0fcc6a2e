package resources

import (
	"errors"
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// ContainerVPN is the container of the IKE daemon, which only pairs with spec.vpn have.
const ContainerVPN = "vpn"

const (
	volumeVPN    = "vpn"
	volumeVPNRun = "vpn-run"
	volumeTUN    = "tun"
)

// tunDirectory has the device with which the daemon encrypts packets if the kernel cannot.
const tunDirectory = "/dev/net"

// vpnContainer returns the container of the IKE daemon. It must follow the containers whose places in the pod are
// known, those of the firewall, the sidecar and the providers.
func vpnContainer(image string, pair *v1alpha1.HAPair) (*corev1ac.ContainerApplyConfiguration, error) {
	if image == "" {
		return nil, errors.New("spec.vpn: this operator has no image with an IKE daemon; set its flag --vpn-image, or " +
			"remove spec.vpn")
	}
	var wanted v1alpha1.ContainerSpec
	if pair.Spec.Units.VPN != nil {
		wanted = *pair.Spec.Units.VPN
	}
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(wanted.Resources, vpnRequests()))
	return corev1ac.Container().
		WithName(ContainerVPN).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("--config="+contract.FirewallFile, "--secret="+contract.VPNSecretDirectory).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithResources(resources).
		WithSecurityContext(confined("NET_ADMIN", "NET_BIND_SERVICE", "CHOWN")).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeFirewall, path.Dir(contract.FirewallFile)).WithReadOnly(true),
			mount(volumeVPN, contract.VPNSecretDirectory).WithReadOnly(true),
			mount(volumeVPNRun, "/run"),
			mount(volumeTUN, tunDirectory).WithReadOnly(true),
			socketMount(contract.ProviderVPN),
		), err
}

// vpnVolumes returns the volumes that only the IKE daemon mounts. The Secret is optional, so that a pair without it
// forwards packets nevertheless.
func vpnVolumes(pair *v1alpha1.HAPair) []*corev1ac.VolumeApplyConfiguration {
	return []*corev1ac.VolumeApplyConfiguration{
		corev1ac.Volume().WithName(volumeVPN).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(pair.Spec.VPN.SecretName).
				WithOptional(true).
				WithDefaultMode(privateMode)),
		inMemory(volumeVPNRun, 1<<20),
		corev1ac.Volume().WithName(volumeTUN).
			WithHostPath(corev1ac.HostPathVolumeSource().
				WithPath(tunDirectory).WithType(corev1.HostPathDirectoryOrCreate)),
	}
}

// vpnRequests returns the default requests of the IKE daemon.
func vpnRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("50m"),
		corev1.ResourceMemory: resource.MustParse("32Mi"),
	}
}
