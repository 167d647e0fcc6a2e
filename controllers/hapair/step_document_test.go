package hapair

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// A document is checked against the networks of the pair before it reaches the units. The error names the field.
func TestRoutesThatThePairCannotHaveAreRefused(t *testing.T) {
	networks := []v1alpha1.NetworkSpec{
		{Name: "lan", VirtualAddresses: []string{"192.168.50.1/24", "fd50::1/64"}},
		{Name: "wan", VirtualAddresses: []string{"203.0.113.1/24"}},
	}
	const via = "spec.routing.routes[0].via: "
	for name, c := range map[string]struct {
		route v1alpha1.StaticRoute
		want  string
	}{
		"on link":           {v1alpha1.StaticRoute{To: "0.0.0.0/0", Via: "203.0.113.254"}, ""},
		"not on link":       {v1alpha1.StaticRoute{To: "0.0.0.0/0", Via: "198.51.100.1"}, via},
		"on another link":   {v1alpha1.StaticRoute{To: "::/0", Via: "fd50::fe", Interface: "wan"}, via},
		"a loop":            {v1alpha1.StaticRoute{To: "0.0.0.0/0", Via: "192.168.50.1"}, via},
		"to its own hop":    {v1alpha1.StaticRoute{To: "10.0.0.1/32", Via: "10.0.0.1"}, via},
		"a connected one":   {v1alpha1.StaticRoute{To: "203.0.113.0/24", Via: "192.168.50.9"}, "spec.routing.routes[0].to: "},
		"no such network":   {v1alpha1.StaticRoute{To: "0.0.0.0/0", Interface: "dmz"}, "spec.routing.routes[0].interface: "},
		"the pod's network": {v1alpha1.StaticRoute{To: "0.0.0.0/0", Interface: "eth0"}, "spec.routing.routes[0].interface: "},
	} {
		t.Run(name, func(t *testing.T) {
			configuration := &v1alpha1.FirewallConfiguration{Spec: v1alpha1.FirewallConfigurationSpec{
				Zones: []v1alpha1.FirewallZone{
					{Name: "lan", Interfaces: []string{"lan"}}, {Name: "wan", Interfaces: []string{"wan"}},
				},
			}}
			c.route.Name = "route"
			configuration.Spec.Routing.Routes = []v1alpha1.StaticRoute{c.route}
			_, err := validDocument(configuration, v1alpha1.HAPairSpec{Networks: networks})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want an error in %s", err, c.want)
			}
		})
	}
}
