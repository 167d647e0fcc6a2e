//go:build apiserver

package operator

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// unknownZone is the name of a configuration with an error: a policy to a zone that is not defined.
const unknownZone = "moon"

// firewall returns the name of a configuration for a pair with these networks, with one policy of this action.
func firewall(action string, networks []v1alpha1.NetworkSpec) string {
	for _, n := range networks {
		if n.Name == "dmz" {
			return strings.ToLower(action) + "-dmz"
		}
	}
	return strings.ToLower(action)
}

// firewalls returns the configurations that exist in the namespace of every stage.
func firewalls(namespace string) []*v1alpha1.FirewallConfiguration {
	moon := newFirewall(namespace, unknownZone, "Accept")
	moon.Spec.Policies[0].To = []string{"moon"}
	all := []*v1alpha1.FirewallConfiguration{moon}
	for _, action := range []string{"Accept", "Drop", "Reject"} {
		name := strings.ToLower(action)
		all = append(all, newFirewall(namespace, name, action), newFirewall(namespace, name+"-dmz", action, "dmz"))
	}
	return all
}

// newFirewall returns a configuration with the zones lan and wan and others.
func newFirewall(namespace, name, action string, zones ...string) *v1alpha1.FirewallConfiguration {
	configuration := &v1alpha1.FirewallConfiguration{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.FirewallConfigurationSpec{
			Policies: []v1alpha1.FirewallPolicy{
				{Name: "out", From: []string{"lan"}, To: []string{"wan"}, Action: v1alpha1.PolicyAction(action)},
			},
		},
	}
	for _, zone := range append([]string{"lan", "wan"}, zones...) {
		configuration.Spec.Zones = append(configuration.Spec.Zones,
			v1alpha1.FirewallZone{Name: zone, Interfaces: []string{zone}})
	}
	return configuration
}

// named returns a reference to a configuration.
func named(name string) *v1alpha1.FirewallConfigurationReference {
	return &v1alpha1.FirewallConfigurationReference{Name: name}
}
