package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// parseNetworks parses the networks of a pair, each a name or name=address/length. A network that has several addresses
// is given once for each.
func parseNetworks(texts []string) ([]document.Network, error) {
	var networks []document.Network
	for _, text := range texts {
		name, address, hasAddress := strings.Cut(text, "=")
		i := slices.IndexFunc(networks, func(n document.Network) bool { return n.Name == name })
		if i < 0 {
			i = len(networks)
			networks = append(networks, document.Network{Name: name})
		}
		if !hasAddress {
			continue
		}
		prefix, err := netip.ParsePrefix(address)
		if err != nil {
			return nil, fmt.Errorf("--networks: %q is not a network; give a name, or a name and a virtual address, "+
				"as in lan=192.0.2.1/24", text)
		}
		networks[i].Addresses = append(networks[i].Addresses, prefix)
	}
	return networks, nil
}
