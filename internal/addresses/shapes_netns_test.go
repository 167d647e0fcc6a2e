//go:build netns

package addresses

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

// In a network of two addresses both belong to hosts (RFC 3021, RFC 6164), and in a network of one the other end is
// reached by a route. Neither must become a broadcast or an anycast address.
func TestOtherEndOfAShortNetworkIsAHost(t *testing.T) {
	for unit, other := range map[string]string{
		"203.0.113.0/31": "203.0.113.1", "203.0.113.1/31": "203.0.113.0", "203.0.113.255/31": "203.0.113.254",
		"203.0.113.9/32": "203.0.113.8", "203.0.113.1/30": "203.0.113.2",
		"2001:db8::/127": "2001:db8::1", "2001:db8::1/127": "2001:db8::", "2001:db8::9/128": "2001:db8::8",
	} {
		t.Run(unit, func(t *testing.T) {
			c := plug(t, "veth")
			own := netip.MustParsePrefix(unit)
			host := netip.PrefixFrom(netip.MustParseAddr(other), own.Bits())
			c.neighbour.Link(t, "far").Address(host.String())
			c.neighbour.Run(t, "ip route replace "+own.Addr().String()+" dev far")
			a := c.addresses(t, virtualMAC, Network{Interface: "lan", Addresses: []netip.Prefix{own}})
			k := keep(t, c, a)
			set(t, a, true)
			ip(t, "route replace "+other+" dev lan") // The data plane's connected route may not be there.
			if got := ip(t, "route get "+other); strings.Contains(got, "broadcast") || strings.Contains(got, "local") {
				t.Errorf("route to the other end: %s", got)
			}
			if out, err := testbed.Own().Try("ping -c 1 -W 5 " + other); err != nil {
				t.Errorf("ping of the other end: %v: %s", err, out)
			}
			k.soon("the other end reaches the unit", func() bool { return k.answers(own.Addr()) })
			k.soon("no fault is reported", func() bool { return k.fault() == "" })
		})
	}
}

// A link-local address means something on its own link only, so it may be the same on each.
func TestLinkLocalAddressIsTheSameOnTwoNetworks(t *testing.T) {
	c := switched(t)
	testbed.Wire(t, testbed.Own(), "wan", c.neighbour, "far2")
	local := []netip.Prefix{netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("169.254.0.1/16")}
	a := c.addresses(t, virtualMAC,
		Network{Interface: "lan", Addresses: append([]netip.Prefix{lanIPv4}, local...), VirtualMAC: virtualMAC},
		Network{Interface: "wan", Addresses: local})
	k := keep(t, c, a)
	set(t, a, true)
	if err := a.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		got := ip(t, "address show dev "+name)
		return strings.Contains(got, "fe80::1/64") && strings.Contains(got, "169.254.0.1/16")
	}
	reaches := func(far string) bool { return pings(c.neighbour, "fe80::1%"+far) }
	k.soon("attached on both", func() bool { return has("lan") && has("wan") })
	// The neighbour's own addresses are in duplicate detection at first.
	testbed.Eventually(t, "the neighbour reaches both", func() bool { return reaches("far") && reaches("far2") })
	for _, line := range []string{"address del fe80::1/64 dev wan", "address del 169.254.0.1/16 dev lan"} {
		ip(t, line)
	}
	k.soon("put back on both", func() bool { return has("lan") && has("wan") })
	testbed.Eventually(t, "the neighbour reaches both again", func() bool { return reaches("far") && reaches("far2") })
	set(t, a, false)
	if has("lan") || has("wan") {
		t.Error("it is still attached")
	}
	// The kernel's own link-local addresses are nobody's business.
	if got := ip(t, "address show dev wan"); !strings.Contains(got, "fe80::") {
		t.Errorf("the unit's own is gone: %s", got)
	}
}

// manyNetworks returns networks with the most virtual addresses of both families.
func manyNetworks(mac rtnetlink.MAC, names ...string) []Network {
	var all []Network
	for i, name := range names {
		n := Network{Interface: name, VirtualMAC: mac}
		for j := range 32 {
			n.Addresses = append(n.Addresses,
				netip.MustParsePrefix(fmt.Sprintf("198.51.%d.%d/24", 100+i, j+1)),
				netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::%x/64", i+1, j+1)))
		}
		all = append(all, n)
	}
	return all
}

// With the most addresses a promotion stays short, all are announced, and all come back when they are flushed.
func Test64VirtualAddressesOfANetworkAreHeld(t *testing.T) {
	c := switched(t)
	testbed.Wire(t, testbed.Own(), "wan", c.neighbour, "far2")
	networks := manyNetworks(virtualMAC, "lan", "wan")
	a := c.addresses(t, virtualMAC, networks...)
	set(t, a, false)
	k := keep(t, c, a)
	var attached, announced []time.Duration
	for range 20 {
		start := time.Now()
		set(t, a, true)
		attach := time.Now()
		if err := a.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		attached, announced = append(attached, attach.Sub(start)), append(announced, time.Since(attach))
		if err := a.Verify(); err != nil {
			t.Fatal(err)
		}
		set(t, a, false)
	}
	slices.Sort(attached)
	slices.Sort(announced)
	t.Logf("128 addresses: attached in %s, announced in %s (medians)", attached[10], announced[10])
	if attached[10]+announced[10] > 100*time.Millisecond {
		t.Error("a promotion takes too long")
	}
	set(t, a, true)
	ip(t, "address flush dev lan")
	k.soon("all are back", func() bool { return k.holds(virtualMAC, networks[0].Addresses...) })
}
