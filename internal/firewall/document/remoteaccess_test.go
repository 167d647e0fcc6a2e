package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// remoteAccess is valid remote access to the pair in networks.
const remoteAccess = `{localAddress: 203.0.113.1, certificate: {certificate: tls.crt, privateKey: tls.key}, ` +
	`pools: [10.88.0.0/24], users: [{name: alice, password: {key: alice}}]}`

// checkRemoteAccess checks a document with remote access and other fields.
func checkRemoteAccess(t *testing.T, remote, others, want string) {
	t.Helper()
	d, err := document.Parse([]byte("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
		"  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}, {name: far, interfaces: [ipsec0]}]\n" +
		"  vpn: {remoteAccess: " + remote + others + "\n"))
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

func TestRemoteAccess(t *testing.T) {
	const at = "spec.vpn.remoteAccess."
	change := func(old, changed string) string { return strings.Replace(remoteAccess, old, changed, 1) }
	add := func(fields string) string { return change("localAddress", fields+", localAddress") }
	pools := func(list string) string { return change("10.88.0.0/24", list) }
	for name, c := range map[string]struct{ remote, want string }{
		"the smallest": {remoteAccess, ""},
		"every field": {
			strings.Replace(add(`localIdentity: vpn.example.com, localNetworks: [192.168.50.0/24, "fd50::/64"], `+
				`dnsServers: [192.168.50.1, "fd50::1"], deadPeerSeconds: 10, ike: {rekeySeconds: 600}, esp: {rekeySeconds: 600}`),
				"10.88.0.0/24", `10.88.0.0/24, "fd88::/112"`, 1), "",
		},
		"everything by the tunnel": {add("localNetworks: [0.0.0.0/0]"), ""},
		"an address of one unit": {
			change("203.0.113.1", "203.0.113.2"), at + "localAddress: 203.0.113.2 is not a virtual",
		},
		"loopback": {
			change("203.0.113.1", "127.0.0.1"), at + "localAddress: 127.0.0.1 is not an address",
		},
		"any identity": {
			add(`localIdentity: "%any"`), at + `localIdentity: "%any" is not an identity`,
		},
		"no pool": {pools(""), at + "pools"},
		"a network of the pair": {
			pools("192.168.50.128/25"), at + "pools[0]: 192.168.50.128/25 overlaps network",
		},
		"a virtual address": {
			pools("192.168.50.0/24"), at + "pools[0]: 192.168.50.0/24 has the virtual address",
		},
		"another pool": {
			pools("10.88.0.0/24, 10.88.0.128/25"), at + "pools[1]: 10.88.0.128/25 overlaps 10.88.0.0/24",
		},
		"a small pool": {
			pools("10.88.0.0/30"), at + "pools[0]: 10.88.0.0/30 has a prefix length of 30; give one",
		},
		"a large pool": {
			pools("10.0.0.0/8"), at + "pools[0]: 10.0.0.0/8 has a prefix length of 8; give one from 16",
		},
		"a large pool of IPv6": {
			pools(`"fd88::/64"`), at + "pools[0]: fd88::/64 has a prefix length of 64; give one from 112",
		},
		"a network without a pool": {
			add(`localNetworks: ["fd50::/64", 192.168.50.0/24]`), at + "localNetworks[0]: fd50::/64 has no pool",
		},
		"a pool without a network": {
			strings.Replace(add("localNetworks: [0.0.0.0/0]"), "10.88.0.0/24", `10.88.0.0/24, "fd88::/112"`, 1),
			at + "localNetworks: have no network of the family of pool fd88::/112",
		},
		"a DNS server without a pool": {
			add(`dnsServers: ["fd50::1"]`), at + "dnsServers[0]: fd50::1 has no pool",
		},
		"a group as DNS server": {
			add(`dnsServers: [224.0.0.1]`), at + "dnsServers[0]: 224.0.0.1 is not the address",
		},
		"no user": {change("{name: alice, password: {key: alice}}", ""), at + "users"},
		"a user twice": {
			change("}}]", "}}, {name: Alice, password: {key: b}}]"),
			at + `users[1].name: "Alice" is the name of entry 0`,
		},
		"any user": {
			change("name: alice", `name: "%any"`), at + `users[0].name: "%any" is not a user's name`,
		},
		"any user by an address": {
			change("name: alice", "name: 0.0.0.0"), at + `users[0].name: "0.0.0.0" is an address`,
		},
		"a range of addresses as a user": {
			change("name: alice", "name: 10.0.0.1-10.0.0.9"), at + `users[0].name: "10.0.0.1-10.0.0.9" is an address`,
		},
		"a number as a user": {change("name: alice", "name: 10.0.0-1"), ""},
		"a path as a key": {
			change("key: alice", `key: "../alice"`), at + `users[0].password.key: "../alice" is not the name`,
		},
		"no password": {
			change(", password: {key: alice}", ""), at + "users[0].password: must be set",
		},
		"no private key": {
			change(", privateKey: tls.key", ""), at + "certificate.privateKey: must be set",
		},
		"an unknown proposal": {
			add(`ike: {proposals: [aes256-sha256-modp9999]}`), at + `ike.proposals[0]: "aes256-sha256-modp9999" has the unknown`,
		},
		"a weak proposal": {
			add(`esp: {proposals: [3des-sha1]}`), at + `esp.proposals[0]: "3des-sha1" has the algorithm 3des`,
		},
		"a late question": {add("deadPeerSeconds: 7200"), at + "deadPeerSeconds: must be at most 3600"},
	} {
		t.Run(name, func(t *testing.T) { checkRemoteAccess(t, c.remote, "}", c.want) })
	}
}

func TestPoolsAreFree(t *testing.T) {
	checkRemoteAccess(t, strings.Replace(remoteAccess, "10.88.0.0/24", "10.77.0.0/28", 1), ", siteToSite: ["+tunnel+"]}",
		"spec.vpn.remoteAccess.pools[0]: 10.77.0.0/28 overlaps 10.77.0.0/24 of spec.vpn.siteToSite[0].remoteNetworks[0]")
	checkRemoteAccess(t, remoteAccess, ", siteToSite: ["+tunnel+"]}", "")
	const relayed = "}\n  dhcp: {networks: [{interface: lan, subnet: 10.88.0.0/16, address: 192.168.50.1, " +
		"ranges: [10.88.1.1-10.88.1.9], relays: [10.88.2.1]}]}"
	checkRemoteAccess(t, remoteAccess, relayed,
		"spec.vpn.remoteAccess.pools[0]: 10.88.0.0/24 overlaps the subnet 10.88.0.0/16 of spec.dhcp.networks[0]")
}

func TestUsersAreBounded(t *testing.T) {
	var users []string
	for i := range 513 {
		users = append(users, fmt.Sprintf("{name: user%d, password: {key: user%d}}", i, i))
	}
	all := func(n int) string {
		return strings.Replace(remoteAccess, "{name: alice, password: {key: alice}}", strings.Join(users[:n], ", "), 1)
	}
	checkRemoteAccess(t, all(512), "}", "")
	checkRemoteAccess(t, all(513), "}", "spec.vpn.remoteAccess.users: has 513 entries, at most 512 are allowed")
}

func TestRemoteAccessNeedsAZone(t *testing.T) {
	checkField(t, "vpn: {remoteAccess: "+remoteAccess+"}", `spec.zones: packets of tunnels arrive at interface "ipsec0"`)
}
