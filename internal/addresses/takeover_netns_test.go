//go:build netns

package addresses

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// BenchmarkTakeover is what a takeover waits for: two networks, each with an IPv4 and an IPv6 address, are attached and
// announced.
func BenchmarkTakeover(b *testing.B) {
	for _, kind := range []string{"veth", "macvlan"} {
		for name, mac := range map[string]rtnetlink.MAC{"own MAC": {}, "virtual MAC": virtualMAC} {
			b.Run(fmt.Sprintf("%s, %s", kind, name), func(b *testing.B) { takeOver(b, kind, mac) })
		}
	}
}

func takeOver(b *testing.B, kind string, mac rtnetlink.MAC) {
	c := plug(b, kind)
	ip(b, "link add other type veth peer name behind")
	b.Cleanup(func() { ip(b, "link delete other") })
	near := "other"
	if kind == "macvlan" {
		near = "wan"
		ip(b, "link set other up")
		ip(b, "link add wan link other type macvlan mode bridge")
	}
	ip(b, "link set behind up")
	ip(b, "link set "+near+" up")
	ip(b, "address add "+ownAddress+" dev lan")
	ip(b, "address add 203.0.113.2/24 dev "+near)
	a := c.addresses(b, mac,
		Network{Interface: "lan", Addresses: []netip.Prefix{lanIPv4, lanIPv6}, VirtualMAC: mac},
		Network{Interface: near, VirtualMAC: mac, Addresses: []netip.Prefix{
			netip.MustParsePrefix("203.0.113.1/24"), netip.MustParsePrefix("2001:db8:113::1/64"),
		}})
	ctx := b.Context()
	if err := a.Set(ctx, Config{}); err != nil {
		b.Fatal(err)
	}
	var attached, announced []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := a.Set(ctx, Config{Attached: true}); err != nil {
			b.Fatal(err)
		}
		attach := time.Now()
		if err := a.Announce(ctx); err != nil {
			b.Fatal(err)
		}
		attached, announced = append(attached, attach.Sub(start)), append(announced, time.Since(attach))
		b.StopTimer()
		if err := a.Verify(); err != nil {
			b.Fatal(err)
		}
		if err := a.Set(ctx, Config{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	for what, took := range map[string][]time.Duration{"attach": attached, "announce": announced} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), what+"-p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), what+"-p99-µs")
	}
}
