package document_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// tunnel is a valid tunnel of the pair in networks.
const tunnel = `{name: branch, localAddress: 203.0.113.1, remoteAddress: 198.51.100.9, presharedKey: {key: branch}, ` +
	`localNetworks: [192.168.50.0/24], remoteNetworks: [10.77.0.0/24]}`

// checkTunnels checks a document with tunnels and a zone for them.
func checkTunnels(t *testing.T, tunnels, want string) {
	t.Helper()
	d, err := document.Parse([]byte("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
		"  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}, {name: far, interfaces: [ipsec0]}]\n" +
		"  vpn: {siteToSite: [" + tunnels + "]}\n"))
	if err == nil {
		err = d.ValidateFor(networks)
	}
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestTunnels(t *testing.T) {
	const at = "spec.vpn.siteToSite[0]."
	change := func(old, changed string) string { return strings.Replace(tunnel, old, changed, 1) }
	add := func(field string) string { return change("name: branch", "name: branch, "+field) }
	certificate := func(text string) string { return change("presharedKey: {key: branch}", "certificate: {"+text+"}") }
	for name, c := range map[string]struct{ tunnels, want string }{
		"the smallest": {tunnel, ""},
		"every field": {
			add("localIdentity: gw.example.com, initiation: Respond, deadPeerSeconds: 10, ike: {rekeySeconds: 600}"), "",
		},
		"certificates":  {certificate("certificate: tls.crt, privateKey: tls.key, authority: ca.crt"), ""},
		"no Secret key": {certificate("certificate: a, privateKey: b"), at + "certificate.authority: must be set"},
		"a bad Secret key": {
			change("{key: branch}", `{key: "../branch"}`), at + `presharedKey.key: "../branch" is not the name of an entry`,
		},
		"no authentication": {
			change("presharedKey: {key: branch}, ", ""), at + "presharedKey: either presharedKey or certificate",
		},
		"two of them": {
			add("certificate: {certificate: a, privateKey: b, authority: c}"), at + "presharedKey: either presharedKey",
		},
		"an address of one unit": {
			change("203.0.113.1", "203.0.113.2"), at + "localAddress: 203.0.113.2 is not a virtual address of the pair",
		},
		"the pair as its peer": {
			change("198.51.100.9", "203.0.113.1"), at + "remoteAddress: 203.0.113.1 is a virtual address of the pair itself",
		},
		"both families": {change("198.51.100.9", `"2001:db8::9"`), at + "remoteAddress: 2001:db8::9 must be"},
		"a peer that is loopback": {
			change("198.51.100.9", "127.0.0.1"), at + "remoteAddress: 127.0.0.1 is not a unicast address",
		},
		"an identity that charon would read as a pattern": {add(`remoteIdentity: "%any"`), at + `remoteIdentity: "%any"`},
		"an address that means any identity": {
			add(`remoteIdentity: 0.0.0.0`), at + `remoteIdentity: "0.0.0.0" means any identity`,
		},
		"an address of IPv6 that means any identity": {
			add(`remoteIdentity: "0::0"`), at + `remoteIdentity: "0::0" means any identity`,
		},
		"all addresses as an identity": {
			add(`remoteIdentity: 0.0.0.0/0`), at + `remoteIdentity: "0.0.0.0/0" means any identity`,
		},
		"an address as an identity": {add(`remoteIdentity: 10.0.0.1`), ""},
		"the peer inside": {
			change("10.77.0.0/24", "198.51.100.0/24"), at + "remoteNetworks[0]: 198.51.100.0/24 has the address of the peer",
		},
		"overlapping ends": {
			change("10.77.0.0/24", "192.168.0.0/16"), at + "remoteNetworks[0]: 192.168.0.0/16 overlaps",
		},
		"a network of the pair": {
			strings.Replace(change("10.77.0.0/24", "192.168.50.0/24"), "192.168.50.0/24", "10.9.0.0/24", 1),
			at + "remoteNetworks[0]: 192.168.50.0/24 is network",
		},
		"no local IPv6": {
			change("10.77.0.0/24", `"fd77::/64"`), at + "remoteNetworks[0]: fd77::/64 has no network of its family",
		},
		"a short life of keys": {add("esp: {rekeySeconds: 10}"), at + "esp.rekeySeconds: must be at least 60"},
		"a late question":      {add("deadPeerSeconds: 7200"), at + "deadPeerSeconds: must be at most 3600"},
		"the same name":        {tunnel + ", " + change("10.77", "10.78"), "spec.vpn.siteToSite[1].name"},
		"the same peer": {
			tunnel + ", " + strings.Replace(change("10.77", "10.78"), "branch,", "other,", 1),
			"spec.vpn.siteToSite[1].remoteIdentity: entry 0 has the same peer",
		},
		"the same network": {
			tunnel + ", " + strings.Replace(change("198.51.100.9", "198.51.100.10"), "branch,", "other,", 1),
			"spec.vpn.siteToSite[1].remoteNetworks[0]: overlaps 10.77.0.0/24 of entry 0",
		},
	} {
		t.Run(name, func(t *testing.T) { checkTunnels(t, c.tunnels, c.want) })
	}
}

func TestTunnelsNeedAZone(t *testing.T) {
	checkField(t, "vpn: {siteToSite: ["+tunnel+"]}", `spec.zones: packets of tunnels arrive at interface "ipsec0"`)
	d, err := document.Parse([]byte("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
		"  zones: [{name: lan, interfaces: [lan, ipsec0]}, {name: wan, interfaces: [wan]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ValidateFor(networks); err == nil || !strings.Contains(err.Error(), `the pair has no network "ipsec0"`) {
		t.Errorf("got %v, want a refusal of an interface that only tunnels have", err)
	}
}

func TestProposals(t *testing.T) {
	for proposal, c := range map[string]struct{ ike, esp string }{
		"aes256gcm16-prfsha384-ecp384": {"", "has prfsha384, which does not belong there"},
		"aes256-sha256-modp2048":       {"", ""},
		"aes256-sha256-prfsha512-x25519": {
			"", "has prfsha512, which does not belong there",
		},
		"aes256gcm16-ecp384":                {"must have one of prfsha256", ""},
		"aes256gcm16":                       {"must have one of prfsha256", ""},
		"aes256gcm16-sha256-ecp384":         {"must not have sha256", "must not have sha256"},
		"aes256-ecp384":                     {"must have one of sha256", "must have one of sha256"},
		"aes256-sha256":                     {"must have one Diffie-Hellman group", ""},
		"aes256-sha256-ecp256-ecp384":       {"must have one Diffie-Hellman group", "several Diffie-Hellman groups"},
		"aes128-aes256-sha256-ecp256":       {"must have one cipher", "must have one cipher"},
		"sha256-ecp256":                     {"must have one cipher", "must have one cipher"},
		"3des-sha1-modp1024":                {"algorithm 3des, which is weak", "algorithm 3des, which is weak"},
		"aes256-sha1-modp2048":              {"algorithm sha1, which is weak", "algorithm sha1, which is weak"},
		"aes256-sha256-modp9999":            {`unknown algorithm "modp9999"`, `unknown algorithm "modp9999"`},
		"":                                  {`unknown algorithm ""`, `unknown algorithm ""`},
		"aes256gcm16-prfsha384-ecp384-null": {"weak", "weak"},
	} {
		for field, want := range map[string]string{"ike": c.ike, "esp": c.esp} {
			t.Run(field+" "+proposal, func(t *testing.T) {
				if want != "" {
					want = "spec.vpn.siteToSite[0]." + field + ".proposals[0]: \"" + proposal + "\""
				}
				field := "name: branch, " + field + `: {proposals: ["` + proposal + `"]}`
				checkTunnels(t, strings.Replace(tunnel, "name: branch", field, 1), want)
			})
		}
	}
}

// TestDefaultProposalsAreValid checks that a document may contain what a tunnel without proposals has.
func TestDefaultProposalsAreValid(t *testing.T) {
	for field, defaults := range map[string][]document.Proposal{
		"ike": document.DefaultIKEProposals(), "esp": document.DefaultESPProposals(),
	} {
		for _, p := range defaults {
			field := "name: branch, " + field + `: {proposals: ["` + string(p) + `"]}`
			checkTunnels(t, strings.Replace(tunnel, "name: branch", field, 1), "")
		}
	}
}

// A static route with the metric of a tunnel's route would take its place, and its packets would leave in clear.
func TestStaticRouteCannotReplaceThatOfATunnel(t *testing.T) {
	for name, c := range map[string]struct{ route, want string }{
		"the same metric": {
			"{name: r, to: 10.77.0.0/24, via: 203.0.113.254, metric: 1}",
			"spec.routing.routes[0].metric: 1 is that of the route to 10.77.0.0/24 in spec.vpn.siteToSite[0].remoteNetworks[0]",
		},
		"a blackhole":      {"{name: r, to: 10.77.0.0/24, type: Blackhole, metric: 1}", "spec.routing.routes[0].metric"},
		"a greater metric": {"{name: r, to: 10.77.0.0/24, via: 203.0.113.254}", ""},
		"another network":  {"{name: r, to: 10.78.0.0/24, via: 203.0.113.254, metric: 1}", ""},
	} {
		t.Run(name, func(t *testing.T) { checkTunnels(t, tunnel+"]}\n  routing: {routes: ["+c.route, c.want) })
	}
}
