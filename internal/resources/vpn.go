package resources

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// ContainerVPN is the container of the IKE daemon, which only pairs with spec.vpn have.
const ContainerVPN = contract.ProviderVPN

const volumeTUN = "tun"

// tunDirectory has the device with which the daemon encrypts packets if the kernel cannot.
const tunDirectory = "/dev/net"

// vpnContainer returns the container of the IKE daemon.
func vpnContainer(image string, pair *v1alpha1.HAPair) (*corev1ac.ContainerApplyConfiguration, error) {
	if image == "" {
		return nil, errors.New("spec.vpn: this operator has no image with an IKE daemon; set its flag --vpn-image, or " +
			"remove spec.vpn")
	}
	return daemons{
		name: ContainerVPN, image: image, wanted: pair.Spec.Units.VPN, memory: "32Mi",
		secretDirectory: contract.VPNSecretDirectory,
		capabilities:    []corev1.Capability{"NET_ADMIN", "NET_BIND_SERVICE", "CHOWN"},
	}.container(mount(volumeTUN, tunDirectory).WithReadOnly(true))
}

// vpnVolumes returns the volumes that only the IKE daemon mounts.
func vpnVolumes(pair *v1alpha1.HAPair) []*corev1ac.VolumeApplyConfiguration {
	return []*corev1ac.VolumeApplyConfiguration{
		optionalSecret(ContainerVPN, pair.Spec.VPN.SecretName),
		inMemory(runVolume(ContainerVPN), 1<<20),
		corev1ac.Volume().WithName(volumeTUN).
			WithHostPath(corev1ac.HostPathVolumeSource().
				WithPath(tunDirectory).WithType(corev1.HostPathDirectoryOrCreate)),
	}
}
