//go:build netns

package vpncounters

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// takeovers is how often the active unit changes.
const takeovers = 100

// retransmission is the least time after which TCP sends again, in milliseconds. The usual 200 would prolong the test.
const retransmission = 20

// Outer addresses of the tunnels.
const (
	pairAddress = "203.0.113.1"
	peerAddress = "203.0.113.9"
)

// tunnel is a pair of SAs between the units and the peer.
type tunnel struct {
	// client is behind the units, and server behind the peer.
	client, server string
	outbound       uint32
	extended       bool
	window         int
	// start is the number from which both ends count.
	start uint64
}

func (t tunnel) inbound() uint32 { return t.outbound + 1 }

// tunnels returns one tunnel with numbers of 32 bits and the legacy window, and one with ESN. The lower half of the
// latter's numbers overflows after three changes of the active.
func tunnels() []tunnel {
	return []tunnel{
		{client: "192.168.50.10", server: "10.77.0.1", outbound: 0x1000, window: 32},
		{
			client: "192.168.60.10", server: "10.78.0.1", outbound: 0x2000, window: 128, extended: true,
			start: 5<<32 + last32 - 2*step,
		},
	}
}

// bed is a client, two units and a peer. The client and the peer are wired to both units.
type bed struct {
	*testing.T
	client, peer *testbed.Namespace
	units        [2]*espUnit
	// seen has the packets that arrived at the peer, by SPI and sequence number.
	seen   map[[2]uint32]int
	seenMu sync.Mutex
}

// espUnit is a unit with the class.
type espUnit struct {
	class.Class
	name      string
	namespace *testbed.Namespace
	sas       *xfrm.Table
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, client: testbed.NewNamespace(t, "client"), peer: testbed.NewNamespace(t, "peer"), seen: map[[2]uint32]int{},
	}
	if err := b.peer.Do(xfrm.Try); err != nil {
		t.Skipf("the kernel cannot have SAs, run `make test-ipsec-vm`: %v", err)
	}
	b.peer.Link(t, "lo").Address(peerAddress + "/32")
	for _, tunnel := range tunnels() {
		b.client.Link(t, "lo").Address(tunnel.client + "/32")
		b.peer.Link(t, "lo").Address(tunnel.server + "/32")
		b.install(b.peer, tunnel, false)
	}
	for i := range b.units {
		b.units[i] = b.newUnit(string(rune('a' + i)))
	}
	return b
}

func (b *bed) newUnit(name string) *espUnit {
	b.Helper()
	u := &espUnit{name: name, namespace: testbed.NewNamespace(b, name)}
	testbed.Wire(b, u.namespace, "lan", b.client, name)
	testbed.Wire(b, u.namespace, "wan", b.peer, name)
	u.namespace.Link(b, "lo").Address(pairAddress + "/32").Address("192.168.50.1/32")
	b.route(u.namespace, "wan", peerAddress+"/32", "")
	for _, tunnel := range tunnels() {
		b.route(u.namespace, "lan", tunnel.client+"/32", "")
		b.route(u.namespace, "wan", tunnel.server+"/32", peerAddress)
		b.install(u.namespace, tunnel, true)
	}
	u.sas = testbed.Open(b, u.namespace, xfrm.OpenTable)
	err := u.namespace.Do(func() (err error) {
		u.Class, err = Factory().New(class.Options{HasTunnels: true, Replicated: []state.Class{state.VPN}})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := u.Close(); err != nil {
			b.Error(err)
		}
	})
	return u
}

// route sets a route. The units differ only in the interface by which they are reached.
func (b *bed) route(n *testbed.Namespace, device, to, gateway string) {
	b.Helper()
	err := n.Do(func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		_, destination, err := net.ParseCIDR(to)
		if err != nil {
			return err
		}
		r := &netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: destination, Flags: int(netlink.FLAG_ONLINK), RtoMin: retransmission,
		}
		if r.Gw = net.ParseIP(gateway); r.Gw == nil {
			r.Flags, r.Scope = 0, netlink.SCOPE_LINK
		}
		return netlink.RouteReplace(r)
	})
	if err != nil {
		b.Fatalf("Setting a route to %s in %s: %v", to, n.Name, err)
	}
}

// install adds the SAs and the policies of a tunnel.
func (b *bed) install(n *testbed.Namespace, t tunnel, isUnit bool) {
	b.Helper()
	err := n.Do(func() error {
		if err := addSAs(t); err != nil {
			return err
		}
		return addPolicies(t, isUnit)
	})
	if err != nil {
		b.Fatalf("Adding a tunnel to %s: %v", n.Name, err)
	}
}

// addSAs adds the SAs of a tunnel to the namespace of the calling thread.
func addSAs(t tunnel) error {
	for spi, ends := range map[uint32][2]string{
		t.outbound: {pairAddress, peerAddress}, t.inbound(): {peerAddress, pairAddress},
	} {
		key := make([]byte, 36)
		key[0], key[1] = byte(spi), byte(spi>>8)
		err := netlink.XfrmStateAdd(&netlink.XfrmState{
			Src: net.ParseIP(ends[0]), Dst: net.ParseIP(ends[1]), Proto: netlink.XFRM_PROTO_ESP,
			Mode: netlink.XFRM_MODE_TUNNEL, Spi: int(spi), Reqid: int(t.outbound), ReplayWindow: t.window, ESN: t.extended,
			Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: key, ICVLen: 128},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func addPolicies(t tunnel, isUnit bool) error {
	near, far, local, remote := t.client, t.server, pairAddress, peerAddress
	if !isUnit {
		near, far, local, remote = far, near, remote, local
	}
	for direction, ends := range map[netlink.Dir][4]string{
		netlink.XFRM_DIR_OUT: {near, far, local, remote}, netlink.XFRM_DIR_IN: {far, near, remote, local},
		netlink.XFRM_DIR_FWD: {far, near, remote, local},
	} {
		one := func(address string) *net.IPNet {
			return &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)}
		}
		err := netlink.XfrmPolicyAdd(&netlink.XfrmPolicy{
			Src: one(ends[0]), Dst: one(ends[1]), Dir: direction, Tmpls: []netlink.XfrmPolicyTmpl{{
				Src: net.ParseIP(ends[2]), Dst: net.ParseIP(ends[3]), Proto: netlink.XFRM_PROTO_ESP,
				Mode: netlink.XFRM_MODE_TUNNEL, Reqid: int(t.outbound),
			}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setStart makes the SAs of one end count from the tunnel's start. It sends with one of the two.
func (b *bed) setStart(sas *xfrm.Table, t tunnel, sending uint32) {
	b.Helper()
	all, err := sas.List()
	if err != nil {
		b.Fatal(err)
	}
	for _, sa := range all {
		switch sa.SPI {
		case sending:
			sa.Counters.Sent = t.start
		case t.outbound, t.inbound():
			sa.Counters.Received = t.start
		default:
			continue
		}
		if results, err := sas.Write([]xfrm.SA{sa}); err != nil || results[0].Err != nil {
			b.Fatal(err, results)
		}
	}
}

// lead opens the gate of a unit, and moves the client's and the peer's routes to it, as its virtual addresses do.
func (b *bed) lead(u *espUnit) {
	b.Helper()
	b.setGate(u, true)
	b.route(b.peer, u.name, pairAddress+"/32", "")
	for _, tunnel := range tunnels() {
		b.route(b.client, u.name, tunnel.server+"/32", "192.168.50.1")
		b.route(b.peer, u.name, tunnel.client+"/32", pairAddress)
	}
}

// replicate sends the changes of the active to the standby until the returned function is called. The standby then has
// nothing of what was not sent.
func (b *bed) replicate(active, standby *espUnit) (cut func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	watch, err := active.Source.Watch()
	if err != nil {
		b.Fatal(err)
	}
	apply := func(changes []state.Change) error {
		outcome, err := standby.Sink.Apply(ctx, changes)
		if err == nil && outcome.Total() > 0 {
			err = outcome.Err
		}
		return err
	}
	err = standby.Sink.Adopt(ctx, func(string, []byte) error { return nil })
	if err == nil {
		err = active.Source.Snapshot(ctx, apply)
	}
	if err != nil {
		b.Fatalf("Sending everything from %s to %s: %v", active.name, standby.name, err)
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			batch, err := watch.Receive(ctx)
			if err == nil {
				err = apply(batch.Changes)
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				b.Errorf("Sending changes from %s to %s: %v", active.name, standby.name, err)
				return
			}
		}
	})
	return func() {
		cancel()
		sending.Wait()
		if err := watch.Close(); err != nil {
			b.Error(err)
		}
	}
}

// count counts the sequence numbers of the packets that arrive at the peer.
func (b *bed) count() {
	b.Helper()
	packets := testbed.Open(b, b.peer, func() (net.PacketConn, error) { return net.ListenPacket("ip4:50", "0.0.0.0") })
	if err := packets.(*net.IPConn).SetReadBuffer(16 << 20); err != nil {
		b.Fatal(err)
	}
	var counting sync.WaitGroup
	b.Cleanup(func() {
		_ = packets.SetReadDeadline(time.Unix(1, 0))
		counting.Wait()
	})
	counting.Go(func() {
		packet := make([]byte, 2048)
		for {
			n, _, err := packets.ReadFrom(packet)
			if err != nil {
				return
			}
			if n < 8 {
				continue
			}
			b.seenMu.Lock()
			b.seen[[2]uint32{binary.BigEndian.Uint32(packet), binary.BigEndian.Uint32(packet[4:])}]++
			b.seenMu.Unlock()
		}
	})
}

// counted returns how many different numbers were seen under a key, and how many of them more than once.
func (b *bed) counted(spi uint32) (different, repeated int) {
	b.seenMu.Lock()
	defer b.seenMu.Unlock()
	for id, n := range b.seen {
		if id[0] == spi {
			different++
			if n > 1 {
				repeated++
			}
		}
	}
	return different, repeated
}

// connect opens a TCP connection through a tunnel. It counts how many messages came back.
func (b *bed) connect(t tunnel) *atomic.Int64 {
	b.Helper()
	at := b.peer.ServeTCP(b, net.JoinHostPort(t.server, "0"), func(c net.Conn) { _, _ = io.Copy(c, c) })
	connection := testbed.Open(b, b.client, func() (net.Conn, error) {
		dialer := net.Dialer{Timeout: testbed.Timeout, LocalAddr: &net.TCPAddr{IP: net.ParseIP(t.client)}}
		return dialer.Dial("tcp", at.String())
	})
	exchanged := &atomic.Int64{}
	var exchanging sync.WaitGroup
	b.Cleanup(func() {
		_ = connection.SetDeadline(time.Unix(1, 0))
		exchanging.Wait()
	})
	exchanging.Go(func() {
		message := make([]byte, 64)
		for {
			if _, err := connection.Write(message); err != nil {
				return
			}
			if _, err := io.ReadFull(connection, message); err != nil {
				return
			}
			exchanged.Add(1)
		}
	})
	return exchanged
}

// flood sends datagrams through a tunnel all the time, so that the standby never knows all numbers.
func (b *bed) flood(t tunnel) {
	b.Helper()
	b.peer.ListenUDP(b, net.JoinHostPort(t.server, "9"))
	sender := b.client.DialUDP(b, net.JoinHostPort(t.client, "0"), net.JoinHostPort(t.server, "9"))
	testbed.Background(b, func(ctx context.Context) {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			_, _ = sender.Write([]byte("flood"))
			<-ticker.C
		}
	})
}

// TestTakeoversUseNoNumberTwice changes the active unit many times while TCP and UDP go through two tunnels. Nobody
// gives the tunnels new keys.
func TestTakeoversUseNoNumberTwice(t *testing.T) {
	b := newBed(t)
	active, standby := b.units[0], b.units[1]
	for _, tunnel := range tunnels() {
		b.setStart(testbed.Open(t, b.peer, xfrm.OpenTable), tunnel, tunnel.inbound())
		b.setStart(active.sas, tunnel, tunnel.outbound)
	}
	b.lead(active)
	b.count()
	cut := b.replicate(active, standby)
	var exchanged []*atomic.Int64
	for _, tunnel := range tunnels() {
		exchanged = append(exchanged, b.connect(tunnel))
		b.flood(tunnel)
	}
	b.goesOn(exchanged, "before the first takeover")
	for i := range takeovers {
		b.setGate(active, false)
		cut()
		if err := standby.Promote(t.Context()); err != nil {
			t.Fatalf("Promoting %s: %v", standby.name, err)
		}
		active, standby = standby, active
		b.lead(active)
		if i%3 == 0 {
			b.restart(standby)
		}
		cut = b.replicate(active, standby)
		b.goesOn(exchanged, fmt.Sprintf("after takeover %d", i+1))
		if i%10 == 9 {
			t.Logf("The tunnels have gone on %d times.", i+1)
		}
	}
	cut()
	for _, tunnel := range tunnels() {
		different, repeated := b.counted(tunnel.outbound)
		t.Logf("The peer has seen %d numbers under SPI %#x, and %d of them twice.", different, tunnel.outbound, repeated)
		if repeated > 0 || different < 10*takeovers {
			t.Errorf("SPI %#x: %d of %d numbers were used twice under one key", tunnel.outbound, repeated, different)
		}
	}
	if lost := b.statistic(b.peer, "XfrmInStateSeqError"); lost != 0 {
		t.Errorf("the peer refused the numbers of %d packets", lost)
	}
}

// goesOn waits until both connections have exchanged some more messages.
func (b *bed) goesOn(exchanged []*atomic.Int64, when string) {
	b.Helper()
	for i, n := range exchanged {
		before := n.Load()
		goesOn := func() bool { return n.Load() >= before+3 }
		testbed.Eventually(b, fmt.Sprintf("TCP goes on in tunnel %d %s", i, when), goesOn)
	}
}

// TestPacketsAreNotReceivedTwice sends packets to the new active again that the old one has received.
func TestPacketsAreNotReceivedTwice(t *testing.T) {
	b := newBed(t)
	active, standby := b.units[0], b.units[1]
	b.lead(active)
	cut := b.replicate(active, standby)
	raw := func() (net.PacketConn, error) { return net.ListenPacket("ip4:50", "0.0.0.0") }
	recorder, attacker := testbed.Open(t, active.namespace, raw), testbed.Open(t, b.peer, raw)
	for _, tunnel := range tunnels() {
		b.goesOn([]*atomic.Int64{b.connect(tunnel)}, "before the takeover")
	}
	active.namespace.Link(t, "wan").Down()
	b.flush(active, standby)
	cut()
	recorded := map[uint32][]byte{} // the last packet of each SA
	if err := recorder.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		packet := make([]byte, 2048)
		n, _, err := recorder.ReadFrom(packet)
		if err != nil {
			break
		}
		recorded[binary.BigEndian.Uint32(packet)] = packet[:n]
	}
	if len(recorded) != len(tunnels()) {
		t.Fatalf("the active has received packets of %d SAs, want %d", len(recorded), len(tunnels()))
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.lead(standby)
	before := b.refused(standby)
	for _, packet := range recorded {
		if _, err := attacker.WriteTo(packet, &net.IPAddr{IP: net.ParseIP(pairAddress)}); err != nil {
			t.Fatal(err)
		}
	}
	testbed.Eventually(t, "the new active refuses all packets that the old one has received", func() bool {
		return b.refused(standby) == before+len(recorded)
	})
}

// refused returns how many packets a unit has refused because it had received their numbers.
func (b *bed) refused(u *espUnit) int {
	b.Helper()
	return b.statistic(u.namespace, "XfrmInStateSeqError")
}

// flush waits until the standby has the numbers of the active, which sends and receives nothing any more.
func (b *bed) flush(active, standby *espUnit) {
	b.Helper()
	testbed.Eventually(b, "the standby has the numbers of the active", func() bool {
		own, ownErr := active.sas.List()
		theirs, theirErr := standby.sas.List()
		if ownErr != nil || theirErr != nil {
			b.Fatal(ownErr, theirErr)
		}
		for _, sa := range own {
			isEqual := func(other xfrm.SA) bool { return other.ID == sa.ID && other.Counters.Equal(sa.Counters) }
			if !slices.ContainsFunc(theirs, isEqual) {
				return false
			}
		}
		return true
	})
}

// setGate lets a unit forward, or not, as the gate of the sidecar does.
func (b *bed) setGate(u *espUnit, isOpen bool) {
	b.Helper()
	u.namespace.Set(b, "net.ipv4.ip_forward", map[bool]string{false: "0", true: "1"}[isOpen])
}

// restart makes the SAs of a unit new ones with the same keys, as its IKE daemon installs them after a start.
func (b *bed) restart(u *espUnit) {
	b.Helper()
	err := u.namespace.Do(func() error {
		if err := netlink.XfrmStateFlush(netlink.XFRM_PROTO_ESP); err != nil {
			return err
		}
		for _, tunnel := range tunnels() {
			if err := addSAs(tunnel); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatalf("Restarting %s: %v", u.name, err)
	}
}

// statistic returns one of the kernel's counters of IPsec.
func (b *bed) statistic(n *testbed.Namespace, name string) (value int) {
	b.Helper()
	err := n.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/xfrm_stat")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
				_, err = fmt.Sscan(fields[1], &value)
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return value
}
