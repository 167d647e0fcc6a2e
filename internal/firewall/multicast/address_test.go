package multicast

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Both units send from the lowest virtual address, in whatever order the kernel lists the addresses.
func TestSource(t *testing.T) {
	const index = 3
	own := func(text string) rtnetlink.Address {
		return rtnetlink.Address{Index: index, Prefix: netip.MustParsePrefix(text), Routed: true}
	}
	virtual := func(text string) rtnetlink.Address {
		return rtnetlink.Address{Index: index, Prefix: netip.MustParsePrefix(text)}
	}
	detecting := virtual("fe80::1/64")
	detecting.Detecting = true
	for name, c := range map[string]struct {
		table []rtnetlink.Address
		ipv6  bool
		want  string
	}{
		"virtual, though an own one is lower": {
			[]rtnetlink.Address{own("10.1.0.2/24"), virtual("10.1.0.9/24"), virtual("10.1.0.7/24"), virtual("10.1.0.8/24")},
			false, "10.1.0.7",
		},
		"by its number and not by its text": {
			[]rtnetlink.Address{virtual("10.1.0.10/24"), virtual("10.1.0.9/24")}, false, "10.1.0.9",
		},
		"own on a standby": {[]rtnetlink.Address{own("10.1.0.3/24"), own("10.1.0.2/24")}, false, "10.1.0.2"},
		"link-local for IPv6": {
			[]rtnetlink.Address{virtual("fd01::1/64"), own("fe80::2/64"), own("10.1.0.2/24")}, true, "fe80::2",
		},
		"virtual for IPv6":     {[]rtnetlink.Address{own("fe80::2/64"), virtual("fe80::9/64")}, true, "fe80::9"},
		"not one in detection": {[]rtnetlink.Address{detecting, own("fe80::2/64")}, true, "fe80::2"},
		"none":                 {[]rtnetlink.Address{virtual("fd01::1/64")}, true, "invalid IP"},
		"not of another interface": {
			[]rtnetlink.Address{{Index: 4, Prefix: netip.MustParsePrefix("10.1.0.1/24")}, own("10.1.0.5/24")}, false, "10.1.0.5",
		},
	} {
		d := device{addresses: addressesOf(index, c.table)}
		if got := d.source(c.ipv6).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
