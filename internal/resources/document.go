package resources

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
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
