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

// pageBytes is the size of a directory in a file system in memory.
const pageBytes = 4 << 10

// privateMode is the file mode of private keys and tokens: only root reads them.
const privateMode = 0o400

// volumes returns the volumes of a unit. Containers mount them as directories: the kubelet does not update a file that
// is mounted with subPath.
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
		// Space for two documents, since an update writes the new one before it removes the old one.
		inMemory(volumeFirewall, 2*document.MaxBytes+pageBytes),
		// In memory, so that a status never survives the firewall that wrote it.
		inMemory(volumeRun, 1<<20),
		// Separate from the volumes that the firewall can write, since the sidecar trusts this state when it starts.
		inMemory(volumeState, 1<<20),
		corev1ac.Volume().WithName(volumeMetrics).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(MetricsSecretName(pair.Name)).
				WithItems(corev1ac.KeyToPath().WithKey(KeyToken).WithPath(path.Base(contract.MetricsTokenFile))).
				WithDefaultMode(privateMode)),
		corev1ac.Volume().WithName(volumeAPI).WithProjected(apiAccess()),
	}
}

// tokenSeconds is the life of the sidecar's token. The kubelet renews the token after four fifths of it.
const tokenSeconds = 3600

// apiAccess returns what a client needs to reach the API server. Kubernetes would mount the same into every container,
// and the firewall of another vendor could then write the Lease.
func apiAccess() *corev1ac.ProjectedVolumeSourceApplyConfiguration {
	return corev1ac.ProjectedVolumeSource().
		WithDefaultMode(privateMode).
		WithSources(
			corev1ac.VolumeProjection().WithServiceAccountToken(corev1ac.ServiceAccountTokenProjection().
				WithPath(corev1.ServiceAccountTokenKey).
				WithExpirationSeconds(tokenSeconds)),
			// Kubernetes publishes this ConfigMap in every namespace.
			corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
				WithName("kube-root-ca.crt").
				WithItems(corev1ac.KeyToPath().
					WithKey(corev1.ServiceAccountRootCAKey).WithPath(corev1.ServiceAccountRootCAKey))),
			corev1ac.VolumeProjection().WithDownwardAPI(corev1ac.DownwardAPIProjection().
				WithItems(corev1ac.DownwardAPIVolumeFile().
					WithPath(corev1.ServiceAccountNamespaceKey).
					WithFieldRef(corev1ac.ObjectFieldSelector().
						WithAPIVersion("v1").WithFieldPath("metadata.namespace")))),
		)
}

func inMemory(name string, bytes int64) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithEmptyDir(corev1ac.EmptyDirVolumeSource().
			WithMedium(corev1.StorageMediumMemory).
			WithSizeLimit(*resource.NewQuantity(bytes, resource.BinarySI)))
}
