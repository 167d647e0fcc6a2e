package resources

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// daemons is a container of a foreign daemon, or of several. Its program follows the firewall's document, a Secret of
// the user, and the role of the unit.
type daemons struct {
	// name is that of the container, of its socket, and of the volume with the Secret.
	name  string
	image string
	// wanted is nil for the defaults, and memory is the default request.
	wanted *v1alpha1.ContainerSpec
	memory string
	// secretDirectory has one file for each entry of the Secret.
	secretDirectory string
	capabilities    []corev1.Capability
}

// container returns the container with further mounts. It must follow the containers whose places in the pod are
// known, those of the firewall, the sidecar and the providers.
func (d daemons) container(
	mounts ...*corev1ac.VolumeMountApplyConfiguration,
) (*corev1ac.ContainerApplyConfiguration, error) {
	var wanted v1alpha1.ContainerSpec
	if d.wanted != nil {
		wanted = *d.wanted
	}
	resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](
		withDefaultRequests(wanted.Resources, corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("50m"),
			corev1.ResourceMemory: resource.MustParse(d.memory),
		}))
	return corev1ac.Container().
		WithName(d.name).
		WithImage(d.image).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithArgs("--config="+contract.FirewallFile, "--secret="+d.secretDirectory).
		WithArgs(verbosity(wanted.LogLevel)...).
		WithResources(resources).
		WithSecurityContext(confined(d.capabilities...)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithVolumeMounts(
			mount(volumeFirewall, path.Dir(contract.FirewallFile)).WithReadOnly(true),
			mount(d.name, d.secretDirectory).WithReadOnly(true),
			mount(runVolume(d.name), "/run"),
		).
		WithVolumeMounts(mounts...).
		WithVolumeMounts(socketMount(d.name)), err
}

// runVolume returns the name of the volume that is /run of a container of daemons.
func runVolume(container string) string { return container + "-run" }

// optionalSecret returns the volume with the Secret of the user for a container of daemons. A pair without the Secret
// forwards packets nevertheless.
func optionalSecret(container, secret string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(container).
		WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(secret).
			WithOptional(true).
			WithDefaultMode(privateMode))
}
