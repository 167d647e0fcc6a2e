package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestWAN(t *testing.T) {
	const (
		at    = "spec.wan.links[0]"
		plain = "name: fibre, interface: wan, gateways: [203.0.113.254]"
		cable = ", {name: cable, interface: wan, gateways: [203.0.113.253]}"
	)
	with := func(text string) string { return "{" + plain + ", " + text + "}" }
	monitor := func(text string) string { return with("monitors: [{" + text + "}]") }
	for name, c := range map[string]struct{ links, want string }{
		"one link":         {"{" + plain + "}", ""},
		"two of a segment": {"{" + plain + "}" + cable, ""},
		"both families":    {`{name: fibre, interface: wan, gateways: [203.0.113.254, "fe80::1"]}`, ""},
		"one gateway twice": {
			"{name: fibre, interface: wan, gateways: [203.0.113.254, 203.0.113.254]}",
			"",
		},
		"the most weight": {with("weight: 255, backup: true"), ""},
		"monitors": {with("monitors: [{host: 192.0.2.1}, {type: TCP, host: 192.0.2.1, port: 53}], " +
			"intervalMilliseconds: 100, timeoutMilliseconds: 99, failureThreshold: 1, successThreshold: 100"), ""},

		"no gateway": {"{name: fibre, interface: wan}", at + ".gateways: must be set"},
		"an empty list": {
			"{name: fibre, interface: wan, gateways: []}",
			at + ".gateways: must not be empty; give an item",
		},
		"a name of no form": {
			"{" + strings.Replace(plain, "fibre", "Fibre", 1) + "}",
			at + `.name: "Fibre" is not a name`,
		},
		"a name twice": {
			"{" + plain + "}" + strings.Replace(cable, "cable", "fibre", 1),
			"links[1].name: \"fibre\" is",
		},
		"unknown interface": {
			"{" + strings.Replace(plain, "wan", "dmz", 1) + "}",
			at + `.interface: unknown interface "dmz"; `,
		},
		"two of one family": {
			"{name: fibre, interface: wan, gateways: [203.0.113.254, 203.0.113.253]}",
			"so make two links",
		},
		"loopback": {
			"{name: fibre, interface: wan, gateways: [127.0.0.1]}",
			at + ".gateways[0]: 127.0.0.1 is not a router's",
		},
		"not on the link": {
			"{name: fibre, interface: wan, gateways: [192.168.50.254]}",
			"is not on the network of interface",
		},
		"the pair itself": {
			"{name: fibre, interface: wan, gateways: [203.0.113.1]}",
			"is a virtual address of the pair itself",
		},
		"the same twice": {
			"{" + plain + "}, {" + strings.Replace(plain, "fibre", "other", 1) + "}",
			"is the gateway of entry 0",
		},
		"no weight":          {with("weight: 0"), at + ".weight: must be a whole number from 1"},
		"too much weight":    {with("weight: 256"), at + ".weight: must be from 1 to 255 and is 256"},
		"a monitor inside":   {monitor("host: 127.0.0.1"), at + ".monitors[0].host: 127.0.0.1 is not"},
		"another family":     {monitor(`host: "2001:db8::1"`), "the link has no gateway of that family"},
		"TCP without a port": {monitor("type: TCP, host: 192.0.2.1"), at + ".monitors[0].port: must be set"},
		"ICMP with a port":   {monitor("host: 192.0.2.1, port: 53"), at + ".monitors[0].port: is used with type TCP"},
		"a monitor twice": {
			with("monitors: [{host: 192.0.2.1}, {type: ICMP, host: 192.0.2.1}]"),
			at + ".monitors[1]: is the same as entry 0",
		},
		"a short interval": {
			with("intervalMilliseconds: 99, timeoutMilliseconds: 10"),
			at + ".intervalMilliseconds: must be from 100",
		},
		"a long timeout":      {with("timeoutMilliseconds: 1000"), "1000 must be less than the interval of 1000"},
		"too many thresholds": {with("failureThreshold: 101"), at + ".failureThreshold: must be from 1 to 100"},
	} {
		t.Run(name, func(t *testing.T) { checkField(t, "wan: {links: ["+c.links+"]}", c.want) })
	}
}

func TestTooManyLinks(t *testing.T) {
	var links []string
	for i := range 9 {
		links = append(links, fmt.Sprintf("{name: link%d, interface: wan, gateways: [203.0.113.%d]}", i, 100+i))
	}
	text := func(links []string) string { return "wan: {links: [" + strings.Join(links, ", ") + "]}" }
	checkField(t, text(links[:8]), "")
	checkField(t, text(links), "spec.wan.links: has 9 entries, at most 8 are allowed")
}

// Links are the default routes of their families.
func TestLinksAndDefaultRoutes(t *testing.T) {
	const links = "wan: {links: [{name: fibre, interface: wan, gateways: [203.0.113.254]}]}\n  routing: {routes: ["
	checkField(t, links+"{name: plant, to: 10.20.0.0/16, via: 192.168.50.254}]}", "")
	checkField(t, links+`{name: ipv6, to: "::/0", via: "2001:db8:113::fe"}]}`, "")
	checkField(t, links+"{name: internet, to: 0.0.0.0/0, via: 203.0.113.253}]}",
		"spec.routing.routes[0].to: 0.0.0.0/0 is a default route, and the links of wan are the default routes of IPv4")
}

func TestLinkDefaults(t *testing.T) {
	l := document.WANLink{}
	if l.EffectiveWeight() != 1 || l.Interval().Seconds() != 1 || l.Timeout().Milliseconds() != 500 || l.Failures() != 3 ||
		l.Successes() != 2 {
		t.Errorf("the defaults are %d, %s, %s, %d, %d", l.EffectiveWeight(), l.Interval(), l.Timeout(), l.Failures(),
			l.Successes())
	}
}
