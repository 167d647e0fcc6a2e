package resources

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// SidecarConfigMap returns the ConfigMap with the settings of both sidecars.
func SidecarConfigMap(pair *v1alpha1.HAPair, settings []byte) *corev1ac.ConfigMapApplyConfiguration {
	return configMap(pair, SidecarConfigMapName(pair.Name), KeySidecar, settings)
}

// FirewallConfigMap returns the ConfigMap with the firewall document. Both sidecars mount it. Without a document it is
// empty, since a pod cannot start without a ConfigMap that it mounts.
func FirewallConfigMap(pair *v1alpha1.HAPair, document []byte) *corev1ac.ConfigMapApplyConfiguration {
	if document == nil {
		return emptyConfigMap(pair, FirewallConfigMapName(pair.Name))
	}
	return configMap(pair, FirewallConfigMapName(pair.Name), KeyFirewall, document)
}

func configMap(pair *v1alpha1.HAPair, name, key string, content []byte) *corev1ac.ConfigMapApplyConfiguration {
	return emptyConfigMap(pair, name).WithData(map[string]string{key: string(content)})
}

func emptyConfigMap(pair *v1alpha1.HAPair, name string) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(name, pair.Namespace).WithLabels(Labels(pair.Name)).WithOwnerReferences(owner(pair))
}
