package resources

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// ContainerRouting is the container of the routing daemons, which only pairs with spec.dynamicRouting have.
const ContainerRouting = contract.ProviderRouting

// routingContainer returns the container of the routing daemons.
func routingContainer(image string, pair *v1alpha1.HAPair) (*corev1ac.ContainerApplyConfiguration, error) {
	if image == "" {
		return nil, errors.New("spec.dynamicRouting: this operator has no image with routing daemons; set its flag " +
			"--routing-image, or remove spec.dynamicRouting")
	}
	return daemons{
		name: ContainerRouting, image: image, wanted: pair.Spec.Units.Routing, memory: "64Mi",
		secretDirectory: contract.RoutingSecretDirectory,
		capabilities:    []corev1.Capability{"NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW"},
	}.container()
}

// routingVolumes returns the volumes that only the routing daemons mount. Without a Secret, the directory is empty.
func routingVolumes(pair *v1alpha1.HAPair) []*corev1ac.VolumeApplyConfiguration {
	secret := inMemory(ContainerRouting, pageBytes)
	if name := pair.Spec.DynamicRouting.SecretName; name != "" {
		secret = optionalSecret(ContainerRouting, name)
	}
	return []*corev1ac.VolumeApplyConfiguration{secret, inMemory(runVolume(ContainerRouting), 4<<20)}
}
