package resources

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/frr/configuration"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// FirewallDocument returns the validated document of a configuration. If fields are invalid, the error is a
// *document.Problems. It does not check the document against the networks of a pair.
func FirewallDocument(configuration *v1alpha1.FirewallConfiguration) (document.Document, error) {
	text, err := json.Marshal(struct {
		APIVersion string                              `json:"apiVersion"`
		Kind       string                              `json:"kind"`
		Spec       *v1alpha1.FirewallConfigurationSpec `json:"spec"`
	}{document.APIVersion, document.Kind, &configuration.Spec})
	if err != nil {
		return document.Document{}, fmt.Errorf("encoding the configuration: %w", err)
	}
	return document.Parse(text)
}

// FirewallNetworks returns what a document is checked against for a pair. It leaves out addresses that are not valid,
// which the pair's own validation reports.
func FirewallNetworks(networks []v1alpha1.NetworkSpec) []document.Network {
	all := make([]document.Network, 0, len(networks))
	for _, n := range networks {
		network := document.Network{Name: n.Name}
		for _, text := range n.VirtualAddresses {
			if address, err := netip.ParsePrefix(text); err == nil {
				network.Addresses = append(network.Addresses, address)
			}
		}
		all = append(all, network)
	}
	return all
}

// CheckPair checks a valid document against the pair that uses it. The error is a *document.Problems.
func CheckPair(d document.Document, spec v1alpha1.HAPairSpec) error {
	if err := d.ValidateFor(FirewallNetworks(spec.Networks)); err != nil {
		return err
	}
	if d.VPN.IsEnabled() && spec.VPN == nil {
		return problem("spec.vpn", "the units have no IKE daemon; set spec.vpn of the HAPair, which adds one")
	}
	if dynamic := d.Routing.Dynamic; dynamic.IsEnabled() && spec.DynamicRouting == nil {
		return problem("spec.routing.dynamic",
			"the units have no routing daemons; set spec.dynamicRouting of the HAPair, which adds them")
	} else if keys := dynamic.SecretReferences(); len(keys) > 0 && spec.DynamicRouting.SecretName == "" {
		return problem(keys[0].Field, "the routing daemons have no Secret; set spec.dynamicRouting.secretName of the HAPair")
	}
	return nil
}

// Secret is a Secret that a document refers to.
type Secret struct {
	Name string
	// check returns the entries that cannot be used. It returns no value.
	check func(entries map[string][]byte) []document.Problem
}

// Secrets returns the Secrets that a document needs, which CheckPair accepts.
func Secrets(d document.Document, spec v1alpha1.HAPairSpec) (all []Secret) {
	if d.VPN.IsEnabled() {
		all = append(all, Secret{spec.VPN.SecretName, func(entries map[string][]byte) []document.Problem {
			return tunnels.CheckSecret(d.VPN, entries)
		}})
	}
	if dynamic := d.Routing.Dynamic; len(dynamic.SecretReferences()) > 0 {
		all = append(all, Secret{spec.DynamicRouting.SecretName, func(entries map[string][]byte) []document.Problem {
			return configuration.CheckSecret(dynamic, entries)
		}})
	}
	return all
}

// Check checks that the Secret has all entries that the document needs. The error is a *document.Problems. It contains
// no value.
func (s Secret) Check(entries map[string][]byte) error {
	problems := s.check(entries)
	if len(problems) == 0 {
		return nil
	}
	for i := range problems {
		problems[i].Message = fmt.Sprintf("Secret %s: %s", s.Name, problems[i].Message)
	}
	return &document.Problems{Listed: problems}
}

func problem(field, message string) error {
	return &document.Problems{Listed: []document.Problem{{Path: field, Message: message}}}
}
