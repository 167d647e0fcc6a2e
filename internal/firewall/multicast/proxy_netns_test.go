//go:build netns

package multicast_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	group4, group6   = "239.1.2.3", "ff08::123"
	sender4, sender6 = "10.2.0.2", "fd02::2"
	port             = 5004
	// sendInterval is the time between two packets of a stream.
	sendInterval = 5 * time.Millisecond
)

// bed is a receiver on a LAN, a sender on a WAN, and two units between them. Only the ports of the active unit are up.
type bed struct {
	*testing.T
	fabric, receiver, sender *testbed.Namespace
	a, b                     *unit
}

// unit is a proxy in a namespace of its own.
type unit struct {
	proxy     *multicast.Proxy
	namespace *testbed.Namespace
	ports     []string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, fabric: testbed.NewNamespace(t, "switch"),
		receiver: testbed.NewNamespace(t, "receiver"), sender: testbed.NewNamespace(t, "sender"),
	}
	for _, name := range []string{"lan", "wan"} {
		b.fabric.Bridge(t, name)
		b.fabric.Run(t, "ip link set "+name+" type bridge mcast_snooping 0")
	}
	b.fabric.Plug(t, "lan", b.receiver, "lan0", "receiver")
	b.receiver.Link(t, "lan0").Address("10.1.0.2/24").Address("fd01::2/64").Route("10.1.0.1").Route("fd01::1")
	b.fabric.Plug(t, "wan", b.sender, "wan0", "sender")
	b.sender.Link(t, "wan0").Address(sender4 + "/24").Address(sender6 + "/64").Route("10.2.0.1").Route("fd02::1")
	b.a, b.b = b.newUnit("a"), b.newUnit("b")
	return b
}

func (b *bed) newUnit(name string) *unit {
	b.Helper()
	u := &unit{
		proxy: multicast.New(testr.New(b.T).WithName(name)), namespace: testbed.NewNamespace(b, name),
		ports: []string{name + "-lan", name + "-wan"},
	}
	for i, network := range []string{"lan", "wan"} {
		b.fabric.Plug(b, network, u.namespace, network+"0", u.ports[i])
		b.fabric.Link(b, u.ports[i]).Down()
		u.namespace.Link(b, network+"0").Address([]string{"10.1.0.1/24", "10.2.0.1/24"}[i]).
			Address([]string{"fd01::1/64", "fd02::1/64"}[i])
	}
	u.namespace.Set(b, "net.ipv4.ip_forward", "1")
	u.namespace.Set(b, "net.ipv6.conf.all.forwarding", "1")
	testbed.Background(b, func(ctx context.Context) {
		_ = u.namespace.Do(func() error {
			u.proxy.Run(ctx)
			return nil
		})
	})
	u.proxy.Set(&multicast.Config{
		Upstream: "wan0", Downstream: []string{"lan0"},
		Groups: []netip.Prefix{netip.MustParsePrefix("239.0.0.0/8"), netip.MustParsePrefix("ff08::/16")},
	})
	return u
}

// routes lists the forwarding cache of a family.
func (u *unit) routes(t testing.TB, ipv6 bool) string {
	if ipv6 {
		return u.namespace.Run(t, "ip -6 mroute")
	}
	return u.namespace.Run(t, "ip mroute")
}

// activate makes one unit active in the place of the other.
func (b *bed) activate(now, before *unit) {
	b.Helper()
	for _, port := range before.ports {
		b.fabric.Link(b, port).Down()
	}
	before.proxy.Become(false)
	for _, port := range now.ports {
		b.fabric.Link(b, port).Up()
	}
	now.proxy.Become(true)
}

// replicate gives a unit the entries of another one.
type replicate struct{ to *unit }

func (r replicate) Put(e multicast.Entry) { r.to.proxy.Restore(e) }
func (r replicate) Delete(key string)     { r.to.proxy.Forget(key) }

// stream is what a receiver gets of a group.
type stream struct {
	mu      sync.Mutex
	numbers []uint64
	at      []time.Time
}

func (s *stream) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.numbers)
}

// gap returns the longest time between two packets, and how many packets came after an instant.
func (s *stream) gap(since time.Time) (longest time.Duration, after int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, at := range s.at {
		if i > 0 && at.After(since) {
			longest, after = max(longest, at.Sub(s.at[i-1])), after+1
		}
	}
	return longest, after
}

// receive joins a group in the receiver, from one source if that is given.
func (b *bed) receive(group, source string) (s *stream, leave func()) {
	b.Helper()
	s = &stream{}
	connection := testbed.Open(b, b.receiver, func() (*net.UDPConn, error) {
		link, err := net.InterfaceByName("lan0")
		if err != nil {
			return nil, err
		}
		address := &net.UDPAddr{IP: net.ParseIP(group), Port: port}
		if source == "" {
			return net.ListenMulticastUDP("udp", link, address)
		}
		c, err := net.ListenUDP("udp4", address)
		if err == nil {
			err = joinSource(c, group, source)
		}
		return c, err
	})
	var reading sync.WaitGroup
	reading.Go(func() {
		packet := make([]byte, 64)
		for {
			n, err := connection.Read(packet)
			if err != nil {
				return
			}
			s.mu.Lock()
			if n >= 8 {
				s.numbers, s.at = append(s.numbers, binary.BigEndian.Uint64(packet)), append(s.at, time.Now())
			}
			s.mu.Unlock()
		}
	})
	leave = func() {
		_ = connection.Close()
		reading.Wait()
	}
	b.Cleanup(leave)
	return s, leave
}

// joinSource joins a group for one source: struct ip_mreq_source.
func joinSource(c *net.UDPConn, group, source string) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var membership string
	for _, address := range []string{group, "10.1.0.2", source} {
		membership += string(netip.MustParseAddr(address).AsSlice())
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, membership)
	})
	if failed != nil {
		return failed
	}
	return err
}

// send sends a numbered packet to a group every five milliseconds, until the test ends.
func (b *bed) send(group string) {
	b.Helper()
	connection := testbed.Open(b, b.sender, func() (*net.UDPConn, error) {
		network := map[bool]string{true: "udp6", false: "udp4"}[strings.Contains(group, ":")]
		c, err := net.ListenUDP(network, nil)
		if err != nil {
			return nil, err
		}
		raw, err := c.SyscallConn()
		if err != nil {
			return nil, err
		}
		link, err := net.InterfaceByName("wan0")
		if err != nil {
			return nil, err
		}
		err = raw.Control(func(fd uintptr) {
			if network == "udp6" {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 8)
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, link.Index)
				return
			}
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 8)
			_ = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(link.Index)})
		})
		return c, err
	})
	testbed.Background(b, func(ctx context.Context) {
		ticker := time.NewTicker(sendInterval)
		defer ticker.Stop()
		to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(group), port))
		for number := uint64(1); ; number++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_, _ = connection.WriteTo(binary.BigEndian.AppendUint64(nil, number), to)
			}
		}
	})
}

// mute keeps the receiver from reporting ever again.
func (b *bed) mute() {
	b.Helper()
	b.receiver.Firewall(b, `table inet mute { chain output { type filter hook output priority 0;
		ip protocol igmp drop; icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } drop; }; }`)
}

// kinds are the ways to receive a group.
var kinds = map[string]struct {
	group, source string
	setting       string
}{
	"IGMPv3":            {group: group4},
	"IGMPv2":            {group: group4, setting: "net.ipv4.conf.lan0.force_igmp_version=2"},
	"IGMPv3 one source": {group: group4, source: sender4},
	"MLDv2":             {group: group6},
	"MLDv1":             {group: group6, setting: "net.ipv6.conf.lan0.force_mld_version=1"},
}

// TestStreamGoesOn switches while a receiver plays that never reports again. Without the entries of the active it gets
// nothing.
func TestStreamGoesOn(t *testing.T) {
	for name, kind := range kinds {
		for _, isReplicated := range []bool{true, false} {
			title := map[bool]string{true: " replicated", false: " not replicated"}[isReplicated]
			t.Run(name+title, func(t *testing.T) {
				b := newBed(t)
				if setting, value, ok := strings.Cut(kind.setting, "="); ok {
					b.receiver.Set(t, setting, value)
				}
				if isReplicated {
					b.a.proxy.Connect(replicate{b.b})
				}
				b.activate(b.a, b.b)
				s, _ := b.receive(kind.group, kind.source)
				b.send(kind.group)
				testbed.Eventually(t, "the stream arrives", func() bool { return s.count() > 20 })
				b.mute()
				began := time.Now()
				b.activate(b.b, b.a)
				switched := time.Since(began)
				if !isReplicated {
					testbed.Pause(t, 2*time.Second)
					if _, after := s.gap(time.Now().Add(-1500 * time.Millisecond)); after != 0 {
						t.Errorf("%d packets arrived without the entries of the active", after)
					}
					return
				}
				testbed.Eventually(t, "the stream goes on", func() bool {
					_, after := s.gap(began.Add(switched + 100*time.Millisecond))
					return after > 20
				})
				longest, _ := s.gap(began)
				t.Logf("gap of %s, of which the switch took %s", longest, switched)
				if longest > switched+time.Second { // of which the links take most on a busy machine
					t.Errorf("gap of %s, the switch took %s", longest, switched)
				}
			})
		}
	}
}

// A proxy that has nothing to do takes no processor.
func TestProxyRests(t *testing.T) {
	b := newBed(t)
	b.activate(b.a, b.b)
	const while = 500 * time.Millisecond
	testbed.Pause(t, 100*time.Millisecond)
	before, err := testbed.ProcessorTime(os.Getpid())
	testbed.Pause(t, while)
	after, afterErr := testbed.ProcessorTime(os.Getpid())
	if err := errors.Join(err, afterErr); err != nil {
		t.Fatal(err)
	}
	used := after - before
	t.Logf("two proxies used %s in %s", used, while)
	if used > while/20 {
		t.Errorf("two proxies without members used %s in %s", used, while)
	}
}

// A receiver that leaves gets no more.
func TestLeaveStopsTheStream(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			if setting, value, ok := strings.Cut(kind.setting, "="); ok {
				b.receiver.Set(t, setting, value)
			}
			b.activate(b.a, b.b)
			s, leave := b.receive(kind.group, kind.source)
			b.send(kind.group)
			testbed.Eventually(t, "the stream arrives", func() bool { return s.count() > 20 })
			ipv6 := kind.group == group6
			if got := b.a.routes(t, ipv6); !strings.Contains(got, "Oifs: lan0") {
				t.Fatalf("the route is missing: %s", got)
			}
			leave()
			testbed.Eventually(t, "the route forwards nothing", func() bool {
				return !strings.Contains(b.a.routes(t, ipv6), "Oifs: lan0")
			})
		})
	}
}

// A receiver of another source, or of a group that the document does not have, gets nothing.
func TestOtherStreamsAreNotForwarded(t *testing.T) {
	b := newBed(t)
	b.activate(b.a, b.b)
	for _, c := range [][2]string{{group4, "10.2.0.77"}, {"232.1.1.1", ""}} {
		s, _ := b.receive(c[0], c[1])
		b.send(c[0])
		testbed.Pause(t, time.Second)
		if n := s.count(); n != 0 {
			t.Errorf("%d packets of %s arrived", n, c[0])
		}
	}
}
