//go:build netns

package addresses

import (
	"context"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

// keeper runs Keep, and records what it reports.
type keeper struct {
	*Addresses
	t *testing.T
	c cable

	mu   sync.Mutex
	last []State
}

// keep starts Keep for the addresses until the test ends.
func keep(t *testing.T, c cable, a *Addresses) *keeper {
	t.Helper()
	k := &keeper{Addresses: a, t: t, c: c}
	testbed.Background(t, func(ctx context.Context) {
		a.Keep(ctx, func(all []State) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.last = all
		})
	})
	return k
}

// fault returns the fault of the LAN.
func (k *keeper) fault() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.last) == 0 {
		return "nothing reported"
	}
	return k.last[0].Fault
}

// within is how long Keep may take.
const within = time.Second

// soon waits until a condition holds, for as long as Keep may take.
func (k *keeper) soon(what string, condition func() bool) {
	k.t.Helper()
	for end := time.Now().Add(within); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("%s: not within %s; the interface has\n%s", what, within, ip(k.t, "address show"))
		}
	}
}

// holds reports whether the LAN has the addresses, as they should be, and the MAC.
func (k *keeper) holds(mac rtnetlink.MAC, all ...netip.Prefix) bool {
	link, err := k.Kernel.Link("lan")
	if err != nil || link.MAC != mac {
		return false
	}
	table, err := k.Kernel.AddressTable()
	return err == nil && !slices.ContainsFunc(all, func(a netip.Prefix) bool {
		return !slices.ContainsFunc(table, func(p rtnetlink.Address) bool {
			return p.Index == link.Index && p.Prefix == a && p.Lasting && !p.Detecting && !p.Duplicate && !p.Remote && !p.Routed
		})
	})
}

// answers reports whether the neighbour gets answers from an address. The routes to the segment are those that a unit
// has in its data plane.
func (k *keeper) answers(address netip.Addr) bool {
	for _, segment := range []string{"192.168.50.0/24", "fd50::/64"} {
		_, _ = testbed.Own().Try("ip route replace " + segment + " dev lan") // It fails while the interface is down.
	}
	return pings(k.c.neighbour, address.String())
}

// knows reports whether the neighbour has an address at a MAC in its cache.
func (k *keeper) knows(address netip.Addr, mac rtnetlink.MAC) bool {
	out, err := k.c.neighbour.Try("ip neighbour show to " + address.String())
	return err == nil && strings.Contains(out, mac.String())
}

// pings reports whether an address answers a host.
func pings(from *testbed.Namespace, address string) bool {
	_, err := from.Try("ping -c 1 -W 1 " + address)
	return err == nil
}

// Each line is something that somebody does to the interface of an active unit. All addresses and the MAC are back
// within a second, and the neighbours reach them.
func TestRemovedAddressesAndChangedMACsArePutBack(t *testing.T) {
	const disable = "net.ipv6.conf.lan.disable_ipv6"
	// run runs commands of ip in one process, so that nothing is put back in between.
	run := func(lines ...string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			command := exec.Command("ip", "-batch", "-")
			command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
			if out, err := testbed.Own().Command(command); err != nil {
				t.Fatalf("%q: %v: %s", lines, err, out)
			}
		}
	}
	for name, do := range map[string]func(t *testing.T){
		"IPv4 address removed":  run("address del 192.168.50.1/24 dev lan"),
		"IPv6 address removed":  run("address del fd50::1/64 dev lan"),
		"interface flushed":     run("address flush dev lan"),
		"interface down and up": run("link set lan down", "link set lan up"),
		"down for a while": func(t *testing.T) {
			ip(t, "link set lan down")
			time.Sleep(within / 2)
			ip(t, "link set lan up")
		},
		"MAC changed": run("link set lan address 02:00:00:00:00:77"),
		"MAC changed while down": run("link set lan down", "link set lan address 02:00:00:00:00:77",
			"link set lan up"),
		"address in another prefix":      run("address del 192.168.50.1/24 dev lan", "address add 192.168.50.1/32 dev lan"),
		"IPv6 address in another prefix": run("address del fd50::1/64 dev lan", "address add fd50::1/128 dev lan nodad"),
		"address with a route in the main table": run("address del 192.168.50.1/24 dev lan",
			"address add 192.168.50.1/24 dev lan"),
		"IPv6 address with a route in the main table": run("address del fd50::1/64 dev lan",
			"address add fd50::1/64 dev lan nodad"),
		"address that expires":         run("address change 192.168.50.1/24 dev lan valid_lft 60 preferred_lft 60"),
		"IPv6 address deprecated":      run("address change fd50::1/64 dev lan preferred_lft 0"),
		"primary address of a network": run("address add 192.168.50.7/24 dev lan", "address del 192.168.50.1/24 dev lan"),
		"IPv6 off and on": func(t *testing.T) {
			testbed.Own().Set(t, disable, "1")
			testbed.Own().Set(t, disable, "0")
		},
		"MTU too small for IPv6, and back": run("link set lan mtu 1000", "link set lan mtu 1500"),
		"carrier lost and back": func(t *testing.T) {
			ip(t, "link set peer down")
			ip(t, "address flush dev lan")
			ip(t, "link set peer up")
		},
		"interface deleted and made again": run("link delete lan", "link add lan type veth peer name peer",
			"link set peer master switch up", "link set lan up"),
		"interface renamed, and another in its place": run("link set lan down", "link set lan name old",
			"link add lan type veth peer name peer2", "link set peer2 master switch up", "link set lan up"),
	} {
		t.Run(name, func(t *testing.T) {
			c := switched(t)
			k := keep(t, c, c.addresses(t, virtualMAC))
			set(t, k.Addresses, true)
			if err := k.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			k.soon("attached", func() bool { return k.answers(lanIPv4.Addr()) && k.answers(lanIPv6.Addr()) })
			do(t)
			k.soon("put back", func() bool { return k.holds(virtualMAC, lanIPv4, lanIPv6) })
			k.soon("the fault is over", func() bool { return k.fault() == "" })
			testbed.Eventually(t, "the neighbour reaches both", func() bool {
				return k.answers(lanIPv4.Addr()) && k.answers(lanIPv6.Addr())
			})
			table, err := k.Kernel.AddressTable()
			if err != nil {
				t.Fatal(err)
			}
			holders := 0
			for _, a := range table {
				if a.Prefix.Addr() == lanIPv4.Addr() {
					holders++
				}
			}
			if holders != 1 {
				t.Errorf("%s is on %d interfaces", lanIPv4, holders)
			}
		})
	}
}

// switched returns a cable whose interface can be replaced: between it and the neighbour there is a switch.
func switched(t *testing.T) cable {
	t.Helper()
	c := cable{neighbour: testbed.NewNamespace(t, "neighbour")}
	for _, line := range []string{
		"link add switch type bridge", "link set switch up",
		"link add trunk type veth peer name far netns " + c.neighbour.Name,
		"link set trunk master switch up",
		"link add lan type veth peer name peer", "link set peer master switch up",
		"link set lan address " + ownMAC1.String() + " up",
	} {
		ip(t, line)
	}
	t.Cleanup(func() {
		for _, name := range []string{"lan", "old", "trunk", "switch"} {
			_, _ = testbed.Own().Try("ip link delete " + name) // The test may have removed it.
		}
	})
	c.neighbour.Link(t, "far").Up().Address(farAddress).Address("fd50::10/64")
	c.dial(t)
	return c
}

// The unit's own addresses are put back in either role. The kernel itself removes the IPv6 ones when the
// interface goes down.
func TestOwnAddressesOfTheUnitArePutBack(t *testing.T) {
	const own, own6 = "192.168.50.2/24", "fd50::2/64"
	for name, attached := range map[string]bool{"active": true, "standby": false} {
		t.Run(name, func(t *testing.T) {
			c := switched(t)
			ip(t, "address add "+own+" dev lan")
			ip(t, "address add "+own6+" dev lan nodad")
			k := keep(t, c, c.addresses(t, virtualMAC))
			set(t, k.Addresses, attached)
			reached := func() bool {
				return k.answers(netip.MustParseAddr("192.168.50.2")) && k.answers(netip.MustParseAddr("fd50::2"))
			}
			testbed.Eventually(t, "the neighbour reaches both at first", reached)
			for _, lines := range [][]string{
				{"address del " + own + " dev lan"},
				{"address del " + own6 + " dev lan"},
				{"address flush dev lan"},
				{"link set lan down", "link set lan up"},
				{
					"link delete lan", "link add lan type veth peer name peer", "link set peer master switch up",
					"link set lan up",
				},
			} {
				for _, line := range lines {
					ip(t, line)
				}
				testbed.Eventually(t, strings.Join(lines, ", ")+": put back", func() bool {
					got := ip(t, "address show dev lan")
					return strings.Contains(got, own) && strings.Contains(got, own6)
				})
			}
			testbed.Eventually(t, "the neighbour reaches both", reached)
		})
	}
}

// A MAC that was changed is announced when it is put back: the neighbour does not ask.
func TestAddressThatIsPutBackIsAnnounced(t *testing.T) {
	c := switched(t)
	k := keep(t, c, c.addresses(t, virtualMAC))
	set(t, k.Addresses, true)
	k.soon("attached", func() bool { return k.answers(lanIPv4.Addr()) })
	c.neighbour.Run(t, "ip neighbour replace "+lanIPv4.Addr().String()+" lladdr "+squatter.String()+
		" nud reachable dev far")
	ip(t, "address del "+lanIPv4.String()+" dev lan")
	k.soon("announced", func() bool { return k.knows(lanIPv4.Addr(), virtualMAC) })
}

// One family that is switched off keeps the other in service, and is a fault that names the interface and the remedy.
func TestOneFamilyIsServedWithoutTheOther(t *testing.T) {
	for name, before := range map[string]bool{"before the promotion": true, "while active": false} {
		t.Run(name, func(t *testing.T) {
			c := switched(t)
			k := keep(t, c, c.addresses(t, virtualMAC))
			set(t, k.Addresses, false)
			if before {
				testbed.Own().Set(t, "net.ipv6.conf.lan.disable_ipv6", "1")
				k.soon("the standby knows", func() bool { return strings.Contains(k.fault(), "disable_ipv6 to 0") })
			}
			set(t, k.Addresses, true)
			testbed.Own().Set(t, "net.ipv6.conf.lan.disable_ipv6", "1")
			if err := k.Announce(t.Context()); err != nil {
				t.Error(err)
			}
			if err := k.Verify(); err != nil {
				t.Error(err)
			}
			k.soon("the fault is reported", func() bool {
				return strings.Contains(k.fault(), "interface lan has no IPv6") && strings.Contains(k.fault(), lanIPv6.String())
			})
			k.soon("IPv4 is served", func() bool { return k.answers(lanIPv4.Addr()) })
			testbed.Own().Set(t, "net.ipv6.conf.lan.disable_ipv6", "0")
			k.soon("the fault is over", func() bool { return k.fault() == "" && k.holds(virtualMAC, lanIPv4, lanIPv6) })
		})
	}
}

// An interface that is gone is a fault within a second, and the other interface is served.
func TestOneInterfaceIsServedWithoutTheOther(t *testing.T) {
	c := switched(t)
	own := testbed.Own()
	testbed.Wire(t, own, "wan", own, "far2")
	wan := netip.MustParsePrefix("203.0.113.1/24")
	a := c.addresses(t, virtualMAC,
		Network{Interface: "lan", Addresses: []netip.Prefix{lanIPv4, lanIPv6}, VirtualMAC: virtualMAC},
		Network{Interface: "wan", Addresses: []netip.Prefix{wan}})
	k := keep(t, c, a)
	set(t, a, true)
	ip(t, "link delete lan")
	k.soon("the fault is reported", func() bool { return strings.Contains(k.fault(), "interface lan is gone") })
	set(t, a, false)
	set(t, a, true) // A promotion without the LAN.
	if err := a.Announce(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	if got := ip(t, "-o address show dev wan"); !strings.Contains(got, wan.String()) {
		t.Errorf("the WAN has %s", got)
	}
}

// What somebody adds to a unit that is not active is removed again: two units must not hold one address.
func TestAddedAddressIsRemovedOnTheRealKernel(t *testing.T) {
	for name, lines := range map[string][]string{
		"IPv4":           {"address add 192.168.50.1/24 dev lan"},
		"IPv6":           {"address add fd50::1/64 dev lan nodad"},
		"another prefix": {"address add 192.168.50.1/32 dev lan", "address add fd50::1/128 dev lan"},
		"another end":    {"address add 192.168.50.1 peer 192.168.50.9/32 dev lan"},
		"the MAC":        {"link set lan address " + virtualMAC.String()},
	} {
		t.Run(name, func(t *testing.T) {
			c := switched(t)
			ip(t, "address add "+ownAddress+" dev lan")
			k := keep(t, c, c.addresses(t, virtualMAC))
			set(t, k.Addresses, false)
			for _, line := range lines {
				ip(t, line)
			}
			k.soon("removed", func() bool {
				got := ip(t, "address show dev lan")
				return !strings.Contains(got, "192.168.50.1/") && !strings.Contains(got, "192.168.50.1 ") &&
					!strings.Contains(got, "fd50::1/") && !strings.Contains(got, virtualMAC.String())
			})
			if got := ip(t, "address show dev lan"); !strings.Contains(got, ownAddress) ||
				!strings.Contains(got, ownMAC1.String()) {
				t.Errorf("the unit's own are gone: %s", got)
			}
		})
	}
}

// A renamed interface must not go on answering for the addresses once the unit has lost the role.
func TestRenamedInterfaceLosesItsAddresses(t *testing.T) {
	c := switched(t)
	k := keep(t, c, c.addresses(t, virtualMAC))
	set(t, k.Addresses, true)
	ip(t, "link set lan down")
	ip(t, "link set lan name old")
	ip(t, "link set old up")
	k.soon("the fault is reported", func() bool { return strings.Contains(k.fault(), "interface lan is gone") })
	set(t, k.Addresses, false)
	if got := ip(t, "address show dev old"); strings.Contains(got, "192.168.50.1") ||
		strings.Contains(got, virtualMAC.String()) {
		t.Error(got)
	}
}
