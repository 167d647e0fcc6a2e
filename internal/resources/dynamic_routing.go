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

// ContainerRouting is the container of the routing daemons, which only pairs with spec.dynamicRouting have.
const ContainerRouting = "routing"

const (
	volumeRouting    = "routing"
	volumeRoutingRun = "routing-run"
)

// routingContainer returns the container of the routing daemons. It must follow the containers whose places in the pod
// are known, as that of the IKE daemon.
func routingContainer(image string, pair *v1alpha1.HAPair) (*corev1ac.ContainerApplyConfiguration, error) {
	if image == "" {
		return nil, errors.New("spec.dynamicRouting: this operator has no image with routing daemons; set its flag " +
			"--routing-image, or remove spec.dynamicRouting")
	}
	var wanted v1alpha1.ContainerSpec
	if pair.Spec.Units.Routing != nil {
		wanted = *pair.Spec.Units.Routing
	}
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(wanted.Resources, routingRequests()))
	return corev1ac.Container().
		WithName(ContainerRouting).
		WithImage(image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("--config="+contract.FirewallFile, "--secret="+contract.RoutingSecretDirectory).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithResources(resources).
		WithSecurityContext(confined("NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW")).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeFirewall, path.Dir(contract.FirewallFile)).WithReadOnly(true),
			mount(volumeRouting, contract.RoutingSecretDirectory).WithReadOnly(true),
			mount(volumeRoutingRun, "/run"),
			socketMount(contract.ProviderRouting),
		), err
}

// routingVolumes returns the volumes that only the routing daemons mount. Without a Secret, the directory is empty.
func routingVolumes(pair *v1alpha1.HAPair) []*corev1ac.VolumeApplyConfiguration {
	secret := inMemory(volumeRouting, pageBytes)
	if name := pair.Spec.DynamicRouting.SecretName; name != "" {
		secret = corev1ac.Volume().WithName(volumeRouting).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(name).
				WithOptional(true).
				WithDefaultMode(privateMode))
	}
	return []*corev1ac.VolumeApplyConfiguration{secret, inMemory(volumeRoutingRun, 4<<20)}
}

// routingRequests returns the default requests of the routing daemons.
func routingRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("50m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}
}
