//go:build netns

package addresses

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/mdlayher/packet"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestMain runs the tests in a network namespace of their own, which is that of the unit.
func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}

var (
	lanIPv4 = netip.MustParsePrefix("192.168.50.1/24")
	lanIPv6 = netip.MustParsePrefix("fd50::1/64")
	// ownAddress is the unit's own, and farAddress a neighbour's.
	ownAddress, farAddress = "192.168.50.2/24", "192.168.50.10/24"
	ownMAC1                = rtnetlink.MAC{2, 0, 0, 0, 0, 1}
)

// ip runs a command of iproute2 in the unit's namespace.
func ip(t testing.TB, line string) string { t.Helper(); return testbed.Own().Run(t, "ip "+line) }

// cable is an interface lan of this namespace, and far at its other end, in a namespace of a neighbour.
type cable struct {
	kernel    *rtnetlink.Conn
	ethernet  *Ethernet
	neighbour *testbed.Namespace
}

// plug makes the interface of a kind: veth, or a macvlan in bridge mode on one.
func plug(t testing.TB, kind string) cable {
	t.Helper()
	c := cable{neighbour: testbed.NewNamespace(t, "neighbour")}
	near := "lan"
	if kind == "macvlan" {
		near = "parent"
	}
	ip(t, "link add "+near+" type veth peer name far netns "+c.neighbour.Name)
	t.Cleanup(func() { ip(t, "link delete "+near) })
	if kind == "macvlan" {
		ip(t, "link set "+near+" up")
		ip(t, "link add lan link "+near+" type macvlan mode bridge")
	}
	ip(t, "link set lan address "+ownMAC1.String()+" up")
	c.neighbour.Link(t, "far").Up()
	c.dial(t)
	return c
}

// dial opens what the addresses are set and announced by.
func (c *cable) dial(t testing.TB) {
	t.Helper()
	own := testbed.Own()
	own.Set(t, "net.ipv6.conf.all.forwarding", "1")
	c.kernel, c.ethernet = testbed.Open(t, own, rtnetlink.Dial), testbed.Open(t, own, OpenEthernet)
}

// far returns the neighbour's end for frames of all kinds.
func (c cable) far(t testing.TB) *packet.Conn {
	t.Helper()
	return testbed.Open(t, c.neighbour, func() (*packet.Conn, error) {
		far, err := net.InterfaceByName("far")
		if err != nil {
			return nil, err
		}
		return packet.Listen(far, packet.Raw, unix.ETH_P_ALL, nil)
	})
}

// addresses returns the unit's addresses, by default those of the LAN with a MAC.
func (c cable) addresses(t testing.TB, mac rtnetlink.MAC, networks ...Network) *Addresses {
	t.Helper()
	if networks == nil {
		networks = []Network{{Interface: "lan", Addresses: []netip.Prefix{lanIPv4, lanIPv6}, VirtualMAC: mac}}
	}
	a := New(Options{
		Networks: networks, Kernel: c.kernel, Wire: c.ethernet, Memory: t.TempDir(), Identity: "pod", Log: logr.Discard(),
	})
	t.Cleanup(a.Close)
	return a
}

// The neighbours on the other side see each form of announcement, as it was built.
func TestAnnouncementsArrive(t *testing.T) {
	c := plug(t, "veth")
	far, a := c.far(t), c.addresses(t, rtnetlink.MAC{})
	set(t, a, true)
	if err := a.Verify(); err != nil {
		t.Fatal(err)
	}
	if err := a.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaited := map[string][]byte{
		"request":       frame.GratuitousARP(frame.Request, ownMAC1, lanIPv4.Addr()),
		"reply":         frame.GratuitousARP(frame.Reply, ownMAC1, lanIPv4.Addr()),
		"advertisement": frame.UnsolicitedAdvertisement(ownMAC1, lanIPv6.Addr()),
	}
	if err := far.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	for len(awaited) > 0 {
		n, _, err := far.ReadFrom(buffer)
		if err != nil {
			t.Fatalf("%v, still waiting for %v", err, awaited)
		}
		for name, f := range awaited {
			if bytes.Equal(buffer[:n], f) {
				delete(awaited, name)
			}
		}
	}
	set(t, a, false)
	if got := ip(t, "-o address show dev lan"); strings.Contains(got, "192.168.50") || strings.Contains(got, "fd50") {
		t.Errorf("after the withdrawal: %s", got)
	}
}

// The virtual MAC comes and goes with the addresses, on an interface that stays up, and the neighbour knows each
// address by the MAC of the moment without having asked.
func TestVirtualMACOnTheRealKernel(t *testing.T) {
	for _, kind := range []string{"veth", "macvlan"} {
		t.Run(kind, func(t *testing.T) {
			c := plug(t, kind)
			ip(t, "address add "+ownAddress+" dev lan")
			c.neighbour.Link(t, "far").Address(farAddress)
			ping := func(from string) {
				t.Helper()
				testbed.Own().Run(t, "ping -c 1 -W 5 -I "+from+" 192.168.50.10")
			}
			knows := func(address string, mac rtnetlink.MAC) {
				t.Helper()
				testbed.Eventually(t, "the neighbour knows "+address+" at "+mac.String(), func() bool {
					return strings.Contains(c.neighbour.Run(t, "ip neighbour"), address+" dev far lladdr "+mac.String())
				})
			}
			a := c.addresses(t, virtualMAC)
			set(t, a, false)
			ping("192.168.50.2")
			knows("192.168.50.2", ownMAC1)

			set(t, a, true)
			if err := a.Verify(); err != nil {
				t.Fatal(err)
			}
			if err := a.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			knows("192.168.50.2", virtualMAC)
			ping("192.168.50.1")
			knows("192.168.50.1", virtualMAC)
			ping("192.168.50.2")

			set(t, a, false)
			knows("192.168.50.2", ownMAC1)
			ping("192.168.50.2")
			if got := ip(t, "address show dev lan"); !strings.Contains(got, ownMAC1.String()) ||
				strings.Contains(got, "192.168.50.1/") || !strings.Contains(got, ownAddress) {
				t.Error(got)
			}
		})
	}
}

// told keeps what a watch tells.
type told struct {
	mu   sync.Mutex
	last []Conflict
}

func (w *told) conflicts() []Conflict {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func (w *told) has(address netip.Prefix, mac rtnetlink.MAC) bool {
	return slices.ContainsFunc(w.conflicts(), func(c Conflict) bool {
		return c.Interface == "lan" && c.Address == address.Addr() && c.MAC == mac
	})
}

// watch runs a watch until the test ends.
func watch(t *testing.T, a *Addresses) *told {
	t.Helper()
	w := &told{}
	testbed.Background(t, func(ctx context.Context) {
		a.Watch(ctx, func(all []Conflict) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.last = all
		})
	})
	return w
}

// awaitTap waits until the watch listens, which is when the kernel knows of a packet socket for all protocols.
func awaitTap(t *testing.T) {
	t.Helper()
	testbed.Eventually(t, "the watch listens", func() bool {
		sockets, err := os.ReadFile("/proc/thread-self/net/packet")
		return err == nil && strings.Contains(string(sockets), " 0003 ")
	})
}

// A claim is noticed although the filters of tc drop all that comes in, as a closed gate does; and one with the tag of
// another VLAN, which is another segment, is not noticed.
func TestWatchHearsBeforeTheGate(t *testing.T) {
	c := plug(t, "veth")
	far, a := c.far(t), c.addresses(t, rtnetlink.MAC{})
	testbed.Own().Run(t, "tc qdisc add dev lan clsact")
	dropping := exec.Command("tc", "filter", "add", "dev", "lan", "ingress", "bpf", "direct-action",
		"bytecode", "1,6 0 0 2") // TC_ACT_SHOT
	if out, err := testbed.Own().Command(dropping); err != nil {
		t.Fatalf("dropping what comes in: %v: %s", err, out)
	}
	w := watch(t, a)
	set(t, a, true)
	awaitTap(t)
	say := func(f []byte) {
		t.Helper()
		if _, err := far.WriteTo(f, &packet.Addr{HardwareAddr: net.HardwareAddr(f[:6])}); err != nil {
			t.Fatal(err)
		}
	}
	tagged := func(f []byte, vlan uint16) []byte {
		return slices.Concat(f[:12], binary.BigEndian.AppendUint16([]byte{0x81, 0}, vlan), f[12:])
	}
	v4 := func(mac byte) ([]byte, rtnetlink.MAC) {
		m := rtnetlink.MAC{2, 0, 0, 0, 1, mac}
		return frame.GratuitousARP(frame.Request, m, lanIPv4.Addr()), m
	}
	elsewhere, notOnSegment := v4(1)
	priority, onSegment := v4(2)
	plain, other := v4(3)
	say(tagged(elsewhere, 7))
	say(frame.GratuitousARP(frame.Request, rtnetlink.MAC{2, 0, 0, 0, 1, 4}, netip.MustParseAddr("192.168.50.77")))
	say(frame.ARPProbe(rtnetlink.MAC{2, 0, 0, 0, 1, 5}, lanIPv4.Addr()))
	say(tagged(priority, 0))
	say(frame.UnsolicitedAdvertisement(other, lanIPv6.Addr()))
	say(plain) // the last: what was said before has been heard by then
	testbed.Eventually(t, "the claims are told", func() bool { return w.has(lanIPv4, other) })
	if got := w.conflicts(); len(got) != 3 || !w.has(lanIPv4, onSegment) || !w.has(lanIPv6, other) ||
		w.has(lanIPv4, notOnSegment) {
		t.Errorf("told %v", got)
	}
	// A twin, whose frames the unit did not send.
	say(frame.GratuitousARP(frame.Reply, ownMAC1, lanIPv4.Addr()))
	testbed.Eventually(t, "the twin is told", func() bool { return w.has(lanIPv4, ownMAC1) })
	set(t, a, false)
	testbed.Eventually(t, "nothing is told after the withdrawal", func() bool { return len(w.conflicts()) == 0 })
}

// A neighbour that has the addresses and says nothing is found by the watch's question. The unit's own frames are no
// claims of others, and nothing but what it always sends is sent.
func TestWatchFindsASilentStation(t *testing.T) {
	for _, kind := range []string{"veth", "macvlan"} {
		t.Run(kind, func(t *testing.T) {
			c := plug(t, kind)
			a := c.addresses(t, virtualMAC)
			w := watch(t, a)
			set(t, a, true)
			if err := a.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.neighbour.Link(t, "far").Address(lanIPv4.String()).Address(lanIPv6.String())
			mac := rtnetlink.MAC(c.neighbour.Link(t, "far").MAC())
			testbed.Eventually(t, "the station is told", func() bool { return w.has(lanIPv4, mac) && w.has(lanIPv6, mac) })
			if got := w.conflicts(); len(got) != 2 {
				t.Errorf("told %v", got)
			}
		})
	}
}

// The watch goes on when the interface was away.
func TestWatchSurvivesItsInterface(t *testing.T) {
	c := plug(t, "veth")
	far, a := c.far(t), c.addresses(t, rtnetlink.MAC{})
	w := watch(t, a)
	set(t, a, true)
	awaitTap(t)
	ip(t, "link set lan down")
	ip(t, "link set lan up")
	mac := rtnetlink.MAC{2, 0, 0, 0, 1, 9}
	f := frame.GratuitousARP(frame.Reply, mac, lanIPv4.Addr())
	testbed.Eventually(t, "a claim is told", func() bool {
		_, err := far.WriteTo(f, &packet.Addr{HardwareAddr: net.HardwareAddr(f[:6])})
		return err == nil && w.has(lanIPv4, mac)
	})
}
