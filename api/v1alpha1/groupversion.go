package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SchemeGroupVersion is the group and version of this API. Generated code uses it by this name.
var SchemeGroupVersion = schema.GroupVersion{Group: "hapair.io", Version: "v1alpha1"}

// AddToScheme makes the kinds of this API known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&FirewallConfiguration{}, &FirewallConfigurationList{},
		&HAPair{}, &HAPairList{},
		&HAUnit{}, &HAUnitList{},
		&SyncPolicy{}, &SyncPolicyList{})
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
