package edge

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// pause is the time between two damages.
	pause = 100 * time.Millisecond
	// patience bounds the wait for a repair.
	patience = 5 * time.Second
	// poll is the time between two looks at the host.
	poll = 200 * time.Microsecond
)

var (
	ipv4, ipv6 = netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64")
	// ownIPv4 and ownIPv6 are addresses of the unit alone.
	ownIPv4, ownIPv6 = netip.MustParsePrefix("192.168.50.2/24"), netip.MustParsePrefix("fd50::2/64")

	virtualMAC = rtnetlink.MAC{2, 0, 0x5e, 0x10, 0, 1}
	// otherMAC is what somebody sets instead.
	otherMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0x77}
)

// unit is an active unit with one interface.
type unit struct {
	t      testing.TB
	link   netlink.Link
	kernel *rtnetlink.Conn
}

// newUnit creates the interface with own addresses, attaches the virtual addresses and keeps all of them until the test
// ends.
func newUnit(t testing.TB, own ...netip.Prefix) unit {
	t.Helper()
	u := unit{t: t, link: &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "far"}}
	u.check(netlink.LinkAdd(u.link))
	t.Cleanup(func() { u.check(netlink.LinkDel(u.link)) })
	for _, name := range []string{"far", "lan"} {
		link, err := netlink.LinkByName(name)
		u.check(err)
		u.check(netlink.LinkSetUp(link))
		u.link = link
	}
	for _, p := range own {
		u.check(netlink.AddrAdd(u.link, &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}))
	}
	var err error
	u.kernel, err = rtnetlink.Dial()
	u.check(err)
	t.Cleanup(func() { u.check(u.kernel.Close()) })
	wire, err := addresses.OpenEthernet()
	u.check(err)
	t.Cleanup(func() { u.check(wire.Close()) })
	a := addresses.New(addresses.Options{
		Networks: []addresses.Network{
			{Interface: "lan", Addresses: []netip.Prefix{ipv4, ipv6}, VirtualMAC: virtualMAC},
		},
		Kernel: u.kernel, Wire: wire, Identity: "pod", Log: logr.Discard(),
	})
	t.Cleanup(a.Close)
	u.keep(func(ctx context.Context) { a.Keep(ctx, func([]addresses.State) {}) })
	u.check(a.Set(t.Context(), addresses.Config{Attached: true}))
	return u
}

// keep runs the parts of the unit until the test ends, and waits for them before the cleanups that are registered
// already.
func (u unit) keep(parts ...func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() { part(ctx) })
	}
	u.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// await waits until something is so.
func (u unit) await(what string, isSo func() bool) {
	u.t.Helper()
	for start := time.Now(); !isSo(); time.Sleep(poll) {
		if time.Since(start) > patience {
			u.t.Fatalf("not so after %s: %s", patience, what)
		}
	}
}

func (u unit) check(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// has reports whether the interface has all of the addresses.
func (u unit) has(all ...netip.Prefix) bool {
	table, err := u.kernel.AddressTable()
	u.check(err)
	return !slices.ContainsFunc(all, func(p netip.Prefix) bool {
		return !slices.ContainsFunc(table, func(a rtnetlink.Address) bool {
			return a.Index == u.link.Attrs().Index && a.Prefix == p
		})
	})
}

// isWhole reports whether the interface has its addresses and its virtual MAC.
func (u unit) isWhole() bool {
	link, err := u.kernel.Link("lan")
	u.check(err)
	return link.MAC == virtualMAC && u.has(ipv4, ipv6)
}

// ipNet returns a prefix in the form of package netlink.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// measureDamage repeats the damage to an active unit, and returns how long each lasted.
func measureDamage(t testing.TB, times int, damage func(u unit) error) []time.Duration {
	u := newUnit(t)
	return u.measure(times, u.isWhole, func() error { return damage(u) })
}

// measure repeats the damage, and returns how long it took each time until the unit was whole.
func (u unit) measure(times int, isWhole func() bool, damage func() error) []time.Duration {
	u.t.Helper()
	var lasted []time.Duration
	for range times {
		time.Sleep(pause)
		start := time.Now()
		u.check(damage())
		for !isWhole() {
			if time.Since(start) > patience {
				u.t.Fatalf("not back after %s", patience)
			}
			time.Sleep(poll)
		}
		lasted = append(lasted, time.Since(start))
	}
	return lasted
}

func (u unit) remove(p netip.Prefix) error {
	return netlink.AddrDel(u.link, &netlink.Addr{IPNet: ipNet(p)})
}

func removedIPv4(t testing.TB, times int) []time.Duration {
	return measureDamage(t, times, func(u unit) error { return u.remove(ipv4) })
}

func removedIPv6(t testing.TB, times int) []time.Duration {
	return measureDamage(t, times, func(u unit) error { return u.remove(ipv6) })
}

// removedOwn removes an address of the unit alone. With the first IPv4 address of a network, the kernel removes the
// others.
func removedOwn(p netip.Prefix) func(t testing.TB, times int) []time.Duration {
	return func(t testing.TB, times int) []time.Duration {
		u := newUnit(t, ownIPv4, ownIPv6)
		isWhole := func() bool { return u.has(ownIPv4, ownIPv6) && u.isWhole() }
		return u.measure(times, isWhole, func() error { return u.remove(p) })
	}
}

// flushed removes all addresses.
func flushed(t testing.TB, times int) []time.Duration {
	return measureDamage(t, times, func(u unit) error {
		if err := u.remove(ipv4); err != nil {
			return err
		}
		return u.remove(ipv6)
	})
}

func changedMAC(t testing.TB, times int) []time.Duration {
	return measureDamage(t, times, func(u unit) error { return netlink.LinkSetHardwareAddr(u.link, otherMAC) })
}
