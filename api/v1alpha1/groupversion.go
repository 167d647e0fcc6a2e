package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion names this API to the Kubernetes machinery.
var GroupVersion = schema.GroupVersion{Group: "hapair.io", Version: "v1alpha1"}

// AddToScheme makes the kinds of this API known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&FirewallConfiguration{}, &FirewallConfigurationList{},
		&HAPair{}, &HAPairList{},
		&HAUnit{}, &HAUnitList{},
		&SyncPolicy{}, &SyncPolicyList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
