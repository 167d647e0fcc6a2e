package document_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestDHCPv6(t *testing.T) {
	const (
		at     = "spec.dhcpv6.networks[0]"
		server = `interface: lan, address: "fe80::1"`
		plain  = server + `, dnsServers: ["fd50::1"]`
	)
	for name, c := range map[string]struct{ network, want string }{
		"a server": {plain, ""},
		"a domain": {server + ", searchDomains: [example.com]", ""},
		"all fields": {
			plain + `, searchDomains: [example.com], ntpServers: ["fd50::123", "fe80::1"], refreshSeconds: 600`, "",
		},

		"an unknown interface": {`interface: dmz, address: "fe80::1"`, at + `.interface: unknown interface "dmz"`},
		"an interface twice": {
			plain + "}, {" + plain, `spec.dhcpv6.networks[1].interface: entry 0 answers on "lan" already`,
		},
		"another address": {
			`interface: lan, address: "fe80::2", searchDomains: [a]`, at + `.address: fe80::2 is not a virtual address`,
		},
		"a global address": {
			`interface: lan, address: "fd50::1", searchDomains: [a]`, at + ".address: fd50::1 is not a link-local IPv6 address",
		},
		"nothing to tell": {server, at + ".dnsServers: must be set, or searchDomains or ntpServers"},
		"a server of IPv4": {
			server + ", dnsServers: [192.0.2.53]", at + ".dnsServers[0]: 192.0.2.53 is not the IPv6 address",
		},
		"time of IPv4": {
			server + ", ntpServers: [192.0.2.53]", at + ".ntpServers[0]: 192.0.2.53 is not the IPv6 address",
		},
		"a short refresh": {plain + ", refreshSeconds: 599", at + ".refreshSeconds: must be from 600 to 31536000"},
	} {
		t.Run(name, func(t *testing.T) {
			checkField(t, fmt.Sprintf("dhcpv6: {networks: [{%s}]}", c.network), c.want)
		})
	}
	if got := (document.DHCPv6Network{}).Refresh(); got != 24*time.Hour {
		t.Errorf("by default, hosts ask again after %s", got)
	}
}
