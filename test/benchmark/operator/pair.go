package operator

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// keyOf returns the namespace and the name of a pair by its number.
func keyOf(number int) client.ObjectKey {
	return client.ObjectKey{
		Namespace: fmt.Sprintf("site-%d", number/perNamespace), Name: fmt.Sprintf("edge-%d", number),
	}
}

// newFirewall returns the configuration of a pair.
func newFirewall(number int) *v1alpha1.FirewallConfiguration {
	key := keyOf(number)
	return &v1alpha1.FirewallConfiguration{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Spec: v1alpha1.FirewallConfigurationSpec{
			Zones: []v1alpha1.FirewallZone{
				{Name: "lan", Interfaces: []string{"lan"}}, {Name: "wan", Interfaces: []string{"wan"}},
			},
			Policies: []v1alpha1.FirewallPolicy{
				{Name: "out", From: []string{"lan"}, To: []string{"wan"}, Action: "Accept"},
			},
		},
	}
}

// newPair returns a pair as a user would write it, with two networks, a configuration and a Service.
func newPair(number int) *v1alpha1.HAPair {
	key := keyOf(number)
	network := func(name, address string) v1alpha1.NetworkSpec {
		return v1alpha1.NetworkSpec{
			Name: name, VirtualAddresses: []string{address},
			Attachment: v1alpha1.NetworkAttachment{Multus: &v1alpha1.MultusAttachment{Name: name}},
		}
	}
	return &v1alpha1.HAPair{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Spec: v1alpha1.HAPairSpec{
			Networks: []v1alpha1.NetworkSpec{network("lan", "192.168.50.1/24"), network("wan", "203.0.113.1/24")},
			Firewall: v1alpha1.FirewallSpec{
				ConfigurationRef: &v1alpha1.FirewallConfigurationReference{Name: key.Name},
			},
			Service: &v1alpha1.ServiceSpec{
				Ports: []v1alpha1.ServicePort{{Name: "https", Protocol: corev1.ProtocolTCP, Port: 443}},
			},
		},
	}
}
