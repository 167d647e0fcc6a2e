package local

import (
	"net/netip"
	"slices"
	"strings"
)

// localhost is the name of every host itself (RFC 6761).
const localhost = "localhost."

// special are domains of which servers on the Internet know nothing. A question about them would only tell strangers
// what is asked for. The document can still forward them to servers of the site.
var special = []string{
	// Special names: RFC 6761, RFC 6762, RFC 7686 and RFC 8375.
	localhost, "invalid.", "test.", "local.", "onion.", "home.arpa.",
	// Private, link-local and documentation addresses: RFC 6303.
	"10.in-addr.arpa.", "168.192.in-addr.arpa.", "0.in-addr.arpa.", "127.in-addr.arpa.", "254.169.in-addr.arpa.",
	"2.0.192.in-addr.arpa.", "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "255.255.255.255.in-addr.arpa.",
	"16.172.in-addr.arpa.", "17.172.in-addr.arpa.", "18.172.in-addr.arpa.", "19.172.in-addr.arpa.",
	"20.172.in-addr.arpa.", "21.172.in-addr.arpa.", "22.172.in-addr.arpa.", "23.172.in-addr.arpa.",
	"24.172.in-addr.arpa.", "25.172.in-addr.arpa.", "26.172.in-addr.arpa.", "27.172.in-addr.arpa.",
	"28.172.in-addr.arpa.", "29.172.in-addr.arpa.", "30.172.in-addr.arpa.", "31.172.in-addr.arpa.",
	"d.f.ip6.arpa.", "8.e.f.ip6.arpa.", "9.e.f.ip6.arpa.", "a.e.f.ip6.arpa.", "b.e.f.ip6.arpa.",
	"8.b.d.0.1.0.0.2.ip6.arpa.",
}

const (
	reverseIPv4 = ".in-addr.arpa."
	reverseIPv6 = ".ip6.arpa."
)

// addressIn returns the address whose name is asked for (RFC 1035, section 3.5, and RFC 3596).
func addressIn(name string) (netip.Addr, bool) {
	if text, ok := strings.CutSuffix(name, reverseIPv4); ok {
		labels := strings.Split(text, ".")
		slices.Reverse(labels)
		a, err := netip.ParseAddr(strings.Join(labels, "."))
		return a, err == nil && a.Is4()
	}
	text, ok := strings.CutSuffix(name, reverseIPv6)
	if !ok {
		return netip.Addr{}, false
	}
	labels := strings.Split(text, ".")
	if len(labels) != 32 {
		return netip.Addr{}, false
	}
	var bytes [16]byte
	for i, label := range labels {
		digit := strings.Index("0123456789abcdef", label)
		if len(label) != 1 || digit < 0 {
			return netip.Addr{}, false
		}
		at := 31 - i
		bytes[at/2] |= byte(digit) << (4 * (1 - at%2))
	}
	return netip.AddrFrom16(bytes), true
}
