package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Each case changes one place of the full example, and has the exact report that is expected.
func TestParseReportsPathAndRemedy(t *testing.T) {
	cases := []struct{ old, changed, want string }{
		{
			"kind: FirewallConfiguration", "kind: Firewall",
			`kind: must be FirewallConfiguration and is "Firewall"`,
		},
		{
			"apiVersion: hapair.io/v1alpha1\n", "",
			`apiVersion: must be set`,
		},
		{
			"v1alpha1", "v2",
			`apiVersion: must be hapair.io/v1alpha1 and is "hapair.io/v2"`,
		},
		{
			"logging:\n    dropped: true", "loging: {}",
			`spec.loging: unknown field; known here are: zones, addresses, services, policies, sourceNAT, ` +
				`destinationNAT, resolvers, routing, wan, neighbours, multicast, dhcp, dhcpv6, routerAdvertisements, dns, ` +
				`vpn, logging`,
		},
		{
			"logging:", "logging: {dropped: true}\n  logging:",
			`spec.logging: given more than once; keep one`,
		},
		{
			"dropped: true", "dropped: yes",
			`spec.logging.dropped: must be true or false and is a string`,
		},
		{
			"dropped: true", "dropped:",
			`spec.logging.dropped: must be true or false and has no value; give one, or leave the field out`,
		},
		{
			"- name: wan\n    interfaces: [wan]", "- name: 7\n    interfaces: [wan]",
			`spec.zones[1].name: must be a string and is a number; put 7 in quotes`,
		},
		{
			"- name: wan\n", "- name: WAN\n",
			`spec.zones[1].name: "WAN" is not a name: a-z, 0-9 and '-', a letter first, no '-' last, at most 63 characters`,
		},
		{
			"- name: wan\n", "- name: lan\n",
			`spec.zones[1].name: "lan" is the name of entry 0 already; choose another`,
		},
		{
			"- name: wan\n", "- name: firewall\n",
			`spec.zones[1].name: "firewall" is reserved for the unit itself; choose another name`,
		},
		{
			"interfaces: [wan]", "interfaces: [lan]",
			`spec.zones[1].interfaces[0]: interface "lan" is in zone "lan" already; keep it in one zone`,
		},
		{
			"interfaces: [wan]", "interfaces: [eth0]",
			`spec.zones[1].interfaces[0]: "eth0" is the pod's own interface and is not filtered; name a network of the pair`,
		},
		{
			"interfaces: [wan]", "interfaces: [wan/1]",
			`spec.zones[1].interfaces[0]: "wan/1" is not an interface's name: a-z, 0-9 and '-', a letter first, ` +
				`at most 15 characters`,
		},
		{
			"interfaces: [wan]", "interfaces: []",
			`spec.zones[1].interfaces: must not be empty; give an item, or leave the field out`,
		},
		{
			"192.168.50.0/24", "192.168.50.7/24",
			`spec.addresses[0].members[0]: "192.168.50.7/24" has bits set beyond its length; ` +
				`write 192.168.50.0/24 for the network or 192.168.50.7 for the address`,
		},
		{
			"192.168.50.0/24", "192.168.50.0/33",
			`spec.addresses[0].members[0]: "192.168.50.0/33" is not a prefix; write an address, a prefix or a range, as in ` +
				`192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/64`,
		},
		{
			"members: [192.168.50.10]", "members: [web.example]",
			`spec.addresses[2].members[0]: "web.example" is not an IP address; write an address, a prefix or a range, as in ` +
				`192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/64`,
		},
		{
			"members: [192.168.50.10]", `members: ["::ffff:192.168.50.10"]`,
			`spec.addresses[2].members[0]: "::ffff:192.168.50.10" is IPv4 written as IPv6; write 192.168.50.10; ` +
				`write an address, a prefix or a range, as in ` +
				`192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/64`,
		},
		{
			"192.168.50.200-192.168.50.220", "192.168.50.220-192.168.50.200",
			`spec.addresses[1].members[0]: "192.168.50.220-192.168.50.200" ends before it begins; swap its ends`,
		},
		{
			"192.168.50.200-192.168.50.220", "192.168.50.200-fd50::1",
			`spec.addresses[1].members[0]: "192.168.50.200-fd50::1" mixes IPv4 and IPv6; give both ends in one family`,
		},
		{
			"protocol: UDP", "protocol: udp",
			`spec.services[1].protocol: unknown value "udp"; known are: TCP, UDP, SCTP, ICMP, ICMPv6, GRE, ESP, AH, OSPF`,
		},
		{
			"ports: [53]", "ports: [65536]",
			`spec.services[1].ports[0]: "65536" is neither a port from 1 to 65535 nor a range of ports such as "8000-8010"`,
		},
		{
			"ports: [53]", "ports: [0x35]",
			`spec.services[1].ports[0]: "0x35" is neither a port from 1 to 65535 nor a range of ports such as "8000-8010"`,
		},
		{
			"ports: [53]", "ports: 53",
			`spec.services[1].ports: must be a list and is a number`,
		},
		{
			"8000-8010", "8010-8000",
			`spec.services[0].ports[2]: "8010-8000" ends before it begins; swap its ends`,
		},
		{
			"protocol: ICMP\n", "protocol: ICMP\n    ports: [8]\n",
			`spec.services[2].ports: ICMP has no ports; leave the field out`,
		},
		{
			"ports: [53]", "ports: [53]\n    helper: FTP",
			`spec.services[1].helper: FTP does not run over UDP, but over TCP; change the protocol, or leave the field out`,
		},
		{
			"protocol: ICMP\n", "protocol: ICMP\n    helper: SIP\n",
			`spec.services[2].helper: SIP does not run over ICMP, but over TCP or UDP; change the protocol, ` +
				`or leave the field out`,
		},
		{
			"ports: [53]", "helper: H323",
			`spec.services[1].helper: H323 would read the connections of all ports; ` +
				`name the ports of its control connections`,
		},
		{
			"ports: [53]", "ports: [53]\n    helper: TFTP",
			`spec.services[1].helper: unknown value "TFTP"; known are: FTP, SIP, H323, RTSP, SQLNet, RealAudio, None`,
		},
		{
			"source: [printers]", "source: [lann]",
			`spec.policies[0].source[0]: unknown address object "lann"; defined are: lan-net, printers, web-server`,
		},
		{
			"services: [web, dns, ping, ping6]", "services: [http]",
			`spec.policies[1].services[0]: unknown service object "http"; defined are: web, dns, ping, ping6`,
		},
		{
			"to: [firewall]", "to: [dmz]",
			`spec.policies[3].to[0]: unknown zone "dmz"; defined are: lan, wan, firewall`,
		},
		{
			"from: [lan, wan]", "from: [firewall]",
			`spec.policies[3].from[0]: what the unit itself sends is always accepted; "firewall" can only be in to`,
		},
		{
			"    from: [lan, wan]\n", "",
			`spec.policies[3].from: must be set`,
		},
		{
			"  action: Reject", "  action: Deny",
			`spec.policies[0].action: unknown value "Deny"; known are: Accept, Drop, Reject`,
		},
		{
			"- name: web-in\n    from: [wan]", "- name: dropped\n    from: [wan]",
			`spec.policies[2].name: "dropped" is reserved for log lines of packets without a policy; choose another`,
		},
		{
			"services: [web]\n", "services: [web, ping6]\n",
			`spec.policies[2].services[1]: "ping6" is ICMPv6, which runs over IPv6, and the policy's addresses are IPv4, ` +
				`so that it can never match; take it out`,
		},
		{
			"to: wan\n    source: [lan-net]\n    address: 203.0.113.1", "to: dmz\n    address: 203.0.113.1",
			`spec.sourceNAT[0].to: unknown zone "dmz"; defined are: lan, wan`,
		},
		{
			"address: 203.0.113.1", "address: 203.0.113.1/24",
			`spec.sourceNAT[0].address: "203.0.113.1/24" is not an IP address`,
		},
		{
			"address: 203.0.113.1", "address: 127.0.0.1",
			`spec.sourceNAT[0].address: 127.0.0.1 is not a host's address; give a unicast address that is neither loopback, ` +
				`link-local nor unspecified`,
		},
		{
			"source: [lan-net]\n    address: 2001:db8:113::1", "source: [printers]\n    address: 2001:db8:113::1",
			`spec.sourceNAT[1].source: has only IPv4 addresses and address is IPv6, so that nothing can match; ` +
				`name an object of that family`,
		},
		{
			"service: web", "service: https",
			`spec.destinationNAT[0].service: unknown service object "https"; defined are: web, dns, ping, ping6`,
		},
		{
			"service: web", "service: ping",
			`spec.destinationNAT[0].toPort: service "ping" is ICMP, which has no ports; leave the field out`,
		},
		{
			"toAddress: 192.168.50.10", `toAddress: "fd50::10"`,
			`spec.destinationNAT[0].toAddress: fd50::10 is IPv6 and destination is IPv4; both must be of one family`,
		},
		{
			"toPort: 8008", "toPort: 70000",
			`spec.destinationNAT[0].toPort: must be a whole number from 1 to 65535 and is 70000`,
		},
		{
			"toPort: 8008", "toPort: 0",
			`spec.destinationNAT[0].toPort: must be a whole number from 1 to 65535 and is 0`,
		},
		{
			"toPort: 8008", "toPort: 8080\n    fromPort: 80",
			`spec.destinationNAT[0].fromPort: unknown field; known here are: ` +
				`name, from, destination, service, toAddress, toPort`,
		},
	}
	for _, c := range cases {
		t.Run(c.changed, func(t *testing.T) {
			data := strings.Replace(string(full(t)), c.old, c.changed, 1)
			if data == string(full(t)) {
				t.Fatalf("%q is not in the example", c.old)
			}
			_, err := document.Parse([]byte(data))
			if err == nil {
				t.Fatalf("accepted, want %s", c.want)
			}
			// Later problems, such as references to a misspelt zone, follow from the first.
			if first, _, _ := strings.Cut(err.Error(), "\n"); first != c.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

func TestPolicyOfTwoFamiliesNeverMatches(t *testing.T) {
	data := strings.Replace(string(full(t)), "source: [printers]", "source: [printers]\n    destination: [six]", 1)
	data = strings.Replace(data, "  services:\n", "  - name: six\n    members: [\"2001:db8::/32\"]\n  services:\n", 1)
	_, err := document.Parse([]byte(data))
	want := "spec.policies[0].destination: has only IPv6 addresses and source only IPv4 ones, " +
		"so that nothing can match; name objects of one family in both"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestValidateComparesZonesWithTheNetworksOfThePair(t *testing.T) {
	d := parse(t, full(t))
	if err := d.Validate([]document.Network{{Name: "wan"}, {Name: "lan"}}); err != nil {
		t.Errorf("refused: %v", err)
	}
	err := d.Validate([]document.Network{{Name: "lan"}, {Name: "dmz"}})
	want := `spec.zones[1].interfaces[0]: the pair has no network "wan"; its networks are: lan, dmz` + "\n" +
		`spec.zones: network "dmz" of the pair is in no zone, so that its traffic would not be filtered; ` +
		`add it to the interfaces of a zone`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestSizeIsBounded(t *testing.T) {
	members := func(n int) (blocks []document.Block) {
		for i := range n {
			b, err := document.ParseBlock(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, b)
		}
		return blocks
	}
	d := parse(t, full(t))
	d.Addresses = append(d.Addresses, document.Address{Name: "many", Members: members(16384)})
	for i := range 9 {
		d.Policies = append(d.Policies, document.Policy{
			Name: fmt.Sprintf("p%d", i), From: []string{"lan"}, To: []string{"wan"}, Source: []string{"many"}, Action: "Accept",
		})
	}
	err := d.Validate(nil)
	if err == nil || !strings.HasPrefix(err.Error(), "spec.policies: come to 1474") {
		t.Errorf("got %v, want a bound on the addresses", err)
	}
	d.Addresses[len(d.Addresses)-1].Members = members(16385)
	err = d.Validate(nil)
	if err == nil || err.Error() != "spec.addresses[3].members: has 16385 entries, at most 16384 are allowed" {
		t.Errorf("got %v, want a bound on the members", err)
	}
}
