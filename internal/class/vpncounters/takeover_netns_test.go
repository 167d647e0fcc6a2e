//go:build netns

package vpncounters

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// takeovers is how often the active unit changes.
const takeovers = 100

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
