package plan_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
)

const judged = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan, guests]}
  - {name: wan, interfaces: [wan]}
  addresses:
  - {name: hosts, members: [192.168.50.0/24, 192.168.60.10-192.168.60.20, "fd50::/64"]}
  - {name: web-server, members: [192.168.50.10]}
  services:
  - {name: web, protocol: TCP, ports: [80, 8000-8010]}
  - {name: web-server, protocol: TCP, ports: [8080]}
  - {name: ping, protocol: ICMP}
  - {name: ping6, protocol: ICMPv6}
  - {name: tunnel, protocol: GRE}
  policies:
  - {name: no, from: [lan], to: [wan], source: [web-server], services: [web], action: Reject}
  - {name: yes, from: [lan], to: [wan], source: [hosts], services: [web, ping, ping6, tunnel], action: Accept}
  - {name: in, from: [wan], to: [lan], destination: [web-server], services: [web-server], action: Accept}
  - {name: ping, from: [lan], to: [firewall], services: [ping], action: Accept}
  - {name: quiet, from: [wan], to: [firewall], action: Drop, onChange: Keep}
  sourceNAT:
  - {name: out, to: wan, source: [hosts], address: 203.0.113.1}
  destinationNAT:
  - {name: in, from: wan, destination: 203.0.113.1, service: web, toAddress: 192.168.50.10, toPort: 8080}
  dns:
    listeners: [{interface: lan, address: 192.168.50.1, clients: [192.168.50.0/24]}]
    upstreams: [{address: 192.0.2.53}]
`

// connectionOf parses a connection: the interfaces, the protocol with the type of an ICMP message, and the ends, of
// which the last two are those after translation. Without them nothing is translated.
func connectionOf(t *testing.T, text string) plan.Connection {
	t.Helper()
	fields := strings.Fields(text)
	in, out, _ := strings.Cut(fields[0], ">")
	c := plan.Connection{Mark: plan.PathMark(in, out)}
	if _, err := fmt.Sscanf(fields[1], "%d/%d", &c.Protocol, &c.ICMPType); err != nil {
		t.Fatal(err)
	}
	ends := make([]netip.AddrPort, 0, 4)
	for _, field := range fields[2:] {
		end, err := netip.ParseAddrPort(field)
		if err != nil {
			end = netip.AddrPortFrom(netip.MustParseAddr(field), 0)
		}
		ends = append(ends, end)
	}
	if len(ends) == 2 {
		ends = append(ends, ends...)
	}
	c.From, c.To, c.TranslatedFrom, c.TranslatedTo = ends[0], ends[1], ends[2], ends[3]
	return c
}

func TestRevalidation(t *testing.T) {
	d, err := document.Parse([]byte(judged))
	if err != nil {
		t.Fatal(err)
	}
	decisions := plan.Revalidate(d)
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"as it would begin now": {"lan>wan 6/0 192.168.50.7:4000 198.51.100.9:80 203.0.113.1:4000 198.51.100.9:80", true},
		"another source port":   {"lan>wan 6/0 192.168.50.7:4000 198.51.100.9:80 203.0.113.1:9 198.51.100.9:80", true},
		"another interface":     {"guests>wan 6/0 192.168.50.7:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", true},
		"end of a range":        {"lan>wan 6/0 192.168.60.20:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", true},
		"beyond a range":        {"lan>wan 6/0 192.168.60.21:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", false},
		"port of a range":       {"lan>wan 6/0 192.168.50.7:1 198.51.100.9:8010 203.0.113.1:1 198.51.100.9:8010", true},
		"another port":          {"lan>wan 6/0 192.168.50.7:1 198.51.100.9:81 203.0.113.1:1 198.51.100.9:81", false},
		"another protocol":      {"lan>wan 17/0 192.168.50.7:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", false},
		"an earlier policy":     {"lan>wan 6/0 192.168.50.10:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", false},
		"untranslated":          {"lan>wan 6/0 192.168.50.7:1 198.51.100.9:80", false},
		"another translation":   {"lan>wan 6/0 192.168.50.7:1 198.51.100.9:80 203.0.113.2:1 198.51.100.9:80", false},
		"IPv6":                  {"lan>wan 6/0 [fd50::7]:1 [2001:db8::9]:80", true},
		"IPv6, translated":      {"lan>wan 6/0 [fd50::7]:1 [2001:db8::9]:80 [2001:db8::1]:1 [2001:db8::9]:80", false},
		"no ports":              {"lan>wan 47/0 192.168.50.7 198.51.100.9 203.0.113.1 198.51.100.9", true},
		"echo":                  {"lan>wan 1/8 192.168.50.7 198.51.100.9 203.0.113.1 198.51.100.9", true},
		"timestamp":             {"lan>wan 1/13 192.168.50.7 198.51.100.9 203.0.113.1 198.51.100.9", false},
		"IPv6 echo":             {"lan>wan 58/128 fd50::7 2001:db8::9", true},
		"inwards":               {"wan>lan 6/0 198.51.100.9:5 203.0.113.1:80 198.51.100.9:5 192.168.50.10:8080", true},
		"inwards to another":    {"wan>lan 6/0 198.51.100.9:5 203.0.113.1:80 198.51.100.9:5 192.168.50.11:8080", false},
		"inwards, untranslated": {"wan>lan 6/0 198.51.100.9:5 192.168.50.10:8080", true},
		"to the unit":           {"lan> 1/8 192.168.50.7 192.168.50.1", true},
		"to the unit, refused":  {"lan> 6/0 192.168.50.7:1 192.168.50.1:22", false},
		"to the unit, kept":     {"wan> 6/0 198.51.100.9:5 203.0.113.1:22", true},
		"DNS":                   {"lan> 17/0 192.168.50.7:1 192.168.50.1:53", true},
		"DNS by TCP":            {"lan> 6/0 192.168.50.7:1 192.168.50.1:53", true},
		"DNS of a stranger":     {"lan> 17/0 192.168.60.10:1 192.168.50.1:53", false},
		"DNS elsewhere":         {"lan> 17/0 192.168.50.7:1 203.0.113.1:53", false},
		"of no zone":            {"lan>dmz 6/0 192.168.50.7:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", false},
	} {
		if got := decisions.Allows(connectionOf(t, c.text)); got != c.want {
			t.Errorf("%s: allowed is %t", name, got)
		}
	}
	refused := connectionOf(t, "lan>wan 17/0 192.168.50.7:1 198.51.100.9:80")
	refused.Mark |= plan.MarkKeep
	if !decisions.Allows(refused) {
		t.Error("a connection that is kept is refused")
	}
}

func TestRevalidationWithoutAPath(t *testing.T) {
	d, err := document.Parse([]byte(judged))
	if err != nil {
		t.Fatal(err)
	}
	decisions := plan.Revalidate(d)
	own := map[netip.Addr]string{}
	for address, in := range map[string]string{
		"127.0.0.1": "lo", "10.244.0.2": "eth0", "192.168.50.1": "lan", "203.0.113.1": "wan",
	} {
		own[netip.MustParseAddr(address)] = in
	}
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"allowed between zones":     {"6/0 192.168.50.7:1 198.51.100.9:80 203.0.113.1:1 198.51.100.9:80", true},
		"allowed between no zones":  {"6/0 192.168.50.7:1 198.51.100.9:81 203.0.113.1:1 198.51.100.9:81", false},
		"translated otherwise":      {"6/0 192.168.50.7:1 198.51.100.9:80", false},
		"inwards":                   {"6/0 198.51.100.9:5 203.0.113.1:80 198.51.100.9:5 192.168.50.10:8080", true},
		"opened by the unit":        {"6/0 192.168.50.1:1 198.51.100.9:81", true},
		"opened in the pod network": {"6/0 10.244.0.2:1 10.96.0.1:443", true},
		"within the unit":           {"6/0 127.0.0.1:1 127.0.0.1:80", true},
		"to the pod's address":      {"6/0 10.244.0.9:1 10.244.0.2:9090", true},
		"to the unit, allowed":      {"1/8 192.168.50.7 192.168.50.1", true},
		"to the unit, refused":      {"6/0 192.168.50.7:1 192.168.50.1:22", false},
		"to the unit, kept":         {"6/0 198.51.100.9:5 203.0.113.1:22", true},
		"to a group":                {"17/0 192.168.50.7:5353 224.0.0.251:5353", true},
	} {
		connection := connectionOf(t, "> "+c.text)
		connection.Mark = 0
		if got := decisions.AllowsWithoutPath(connection, own); got != c.want {
			t.Errorf("%s: allowed is %t", name, got)
		}
		connection.Mark = plan.MarkKeep
		if connection.HasPath() || !decisions.AllowsWithoutPath(connection, own) {
			t.Errorf("%s: it is not kept", name)
		}
	}
}
