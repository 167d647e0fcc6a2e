package resources

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// pageBytes is what a directory in memory takes.
const pageBytes = 4 << 10

// privateMode lets root alone read the unit's key.
const privateMode = 0o400

// volumes are mounted as whole directories: a file that is mounted by itself would never see a change.
func volumes(pair *v1alpha1.HAPair, unit v1alpha1.Unit) []*corev1ac.VolumeApplyConfiguration {
	return []*corev1ac.VolumeApplyConfiguration{
		corev1ac.Volume().WithName(volumeSidecar).
			WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(SidecarConfigMapName(pair.Name))),
		corev1ac.Volume().WithName(volumeGiven).
			WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(FirewallConfigMapName(pair.Name))),
		corev1ac.Volume().WithName(volumeTLS).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(UnitSecretName(pair.Name, unit)).
				WithDefaultMode(privateMode)),
		// Two documents, while one takes the place of the other.
		inMemory(volumeFirewall, 2*document.MaxBytes+pageBytes),
		// In memory, since what is in force is not known of a firewall that did not run yet.
		inMemory(volumeRun, 1<<20),
		// Apart from what the firewall can write: what the sidecar puts back at its start must be its own.
		inMemory(volumeState, 1<<20),
		corev1ac.Volume().WithName(volumeMetrics).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(MetricsSecretName(pair.Name)).
				WithItems(corev1ac.KeyToPath().WithKey(KeyToken).WithPath(path.Base(contract.MetricsTokenFile))).
				WithDefaultMode(privateMode)),
	}
}

func inMemory(name string, bytes int64) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithEmptyDir(corev1ac.EmptyDirVolumeSource().
			WithMedium(corev1.StorageMediumMemory).
			WithSizeLimit(*resource.NewQuantity(bytes, resource.BinarySI)))
}
