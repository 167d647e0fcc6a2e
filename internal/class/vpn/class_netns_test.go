//go:build netns

package vpn_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/vpn"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// unit is the class on one unit, with a socket in place of an IKE daemon.
type unit struct {
	class.Class
	t        *testing.T
	name     *testbed.Namespace
	daemon   *net.UDPConn
	registry *prometheus.Registry
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{t: t, name: testbed.NewNamespace(t, "unit"), registry: prometheus.NewPedanticRegistry()}
	u.name.Link(t, "lo").Up()
	err := u.name.Do(func() (err error) {
		u.Class, err = vpn.Factory(vpn.NewMetrics(u.registry)).New(class.Options{HasTunnels: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	u.daemon = u.dial(contract.IKEDaemon())
	return u
}

// dial opens a socket of a process of the pod, from which it sends to the class.
func (u *unit) dial(from netip.AddrPort) (connection *net.UDPConn) {
	u.t.Helper()
	err := u.name.Do(func() (err error) {
		connection, err = net.DialUDP("udp4", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(contract.IKERelay()))
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func send(t *testing.T, from *net.UDPConn, messages ...[]byte) {
	t.Helper()
	for _, m := range messages {
		if _, err := from.Write(m); err != nil {
			t.Fatal(err)
		}
	}
}

// told returns the next messages that the daemon was sent, and waits for them.
func (u *unit) told(count int) (all [][]byte) {
	u.t.Helper()
	for len(all) < count {
		_ = u.daemon.SetReadDeadline(time.Now().Add(testbed.Timeout))
		buffer := make([]byte, 2*message.MaxBytes)
		n, err := u.daemon.Read(buffer)
		if err != nil {
			u.t.Fatalf("after %d of %d messages: %v", len(all), count, err)
		}
		all = append(all, buffer[:n])
	}
	return all
}

// toldNothing fails if the daemon was sent anything more.
func (u *unit) toldNothing() {
	u.t.Helper()
	_ = u.daemon.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := u.daemon.Read(make([]byte, message.MaxBytes)); !errors.Is(err, os.ErrDeadlineExceeded) {
		u.t.Errorf("the daemon was sent %d bytes more (%v)", n, err)
	}
}

func apply(t *testing.T, u *unit, changes []state.Change) class.Outcome {
	t.Helper()
	outcome, err := u.Sink.Apply(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func records(changes []state.Change) (all [][]byte) {
	for _, c := range changes {
		all = append(all, c.Record)
	}
	return all
}

func about(kind message.Type, number int, rest ...byte) []byte {
	var sa message.SA
	binary.BigEndian.PutUint64(sa[:], uint64(number))
	return append(append([]byte{5, byte(kind), 1}, sa[:]...), rest...)
}

// segment returns what a daemon says about its role.
func segment(kind message.Type) []byte { return []byte{5, byte(kind), 34, 0, 1} }

func wantMessages(t *testing.T, got [][]byte, want ...[]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got\n%x, want\n%x", got, want)
	}
}

// TestMessagesReachTheOtherDaemon has messages of all kinds. Those about roles, and those of other processes, do not
// arrive.
func TestMessagesReachTheOtherDaemon(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	w := classtest.Watch(t, active.Class)
	add, update := about(message.AddIKE, 1, 1), about(message.UpdateIKE, 1, 2)
	position, child := about(message.InitiatorID, 1, 3), about(message.AddChild, 1, 4)
	send(t, active.daemon, segment(message.TakeSegment), add, segment(message.Status), update, []byte{5})
	send(t, active.dial(netip.MustParseAddrPort("127.0.0.1:4511")), about(message.DeleteIKE, 1))
	send(t, active.daemon, position, segment(message.DropSegment), child)
	changes := classtest.Drain(t, w)
	wantMessages(t, records(changes), add, update, position, child)

	if outcome := apply(t, standby, changes); outcome.Total() != 0 {
		t.Errorf("refused: %+v", outcome)
	}
	// The daemon would have an IKE SA twice that it has already.
	wantMessages(t, standby.told(5), about(message.DeleteIKE, 1), add, update, position, child)
	standby.toldNothing()
	active.toldNothing()
}

// TestNewWatchBeginsWithMessageIDs has message IDs that change while the units have no session. No comparison finds
// that, since each message replaces the one before it.
func TestNewWatchBeginsWithMessageIDs(t *testing.T) {
	u := newUnit(t)
	w := classtest.Watch(t, u.Class)
	own, peers := about(message.InitiatorID, 1, 5), about(message.ResponderID, 1, 6)
	send(t, u.daemon, about(message.AddIKE, 1), about(message.UpdateIKE, 1), about(message.InitiatorID, 1, 4), own, peers,
		about(message.InitiatorID, 2, 7), about(message.AddIKE, 3), about(message.InitiatorID, 3, 8),
		about(message.DeleteIKE, 3))
	classtest.Drain(t, w)
	wantMessages(t, records(classtest.Drain(t, classtest.Watch(t, u.Class))), own, peers)

	send(t, u.daemon, about(message.AddIKE, 1)) // The daemon describes it again, from the beginning.
	classtest.Drain(t, w)
	wantMessages(t, records(classtest.Drain(t, classtest.Watch(t, u.Class))))
}

func TestRefusals(t *testing.T) {
	standby := newUnit(t)
	send(t, standby.daemon, segment(message.DropSegment))
	classtest.Drain(t, classtest.Watch(t, standby.Class))
	other := about(message.AddIKE, 2)
	other[0] = 4
	outcome := apply(t, standby, []state.Change{
		{Op: state.Upsert, Record: []byte{5}},
		{Op: state.Upsert, Record: segment(message.TakeSegment)},
		{Op: state.Upsert, Record: segment(message.Resync)},
		{Op: state.Upsert, Record: other},
		{Op: state.Delete, Record: about(message.AddIKE, 2)},
		{Op: state.Upsert, Record: about(message.UpdateIKE, 3)},
	})
	want := [class.Refusals]int{class.Malformed: 2, class.Excluded: 2, class.Rejected: 1}
	if outcome.Refused != want {
		t.Errorf("got %v with %v, want %v", outcome.Refused, outcome.Err, want)
	}
	wantMessages(t, standby.told(1), about(message.UpdateIKE, 3))
	standby.toldNothing()
	outcome = apply(t, standby, []state.Change{{Op: state.Upsert, Record: other}})
	if outcome.Err == nil || !strings.Contains(outcome.Err.Error(), "version 4") {
		t.Errorf("got %v", outcome.Err)
	}
}

// TestDaemonDescribesEverythingAgain makes both units begin again, as after a loss.
func TestDaemonDescribesEverythingAgain(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	w := classtest.Watch(t, active.Class)
	stream := [][]byte{about(message.AddIKE, 1), about(message.UpdateIKE, 1)}
	send(t, active.daemon, stream...)
	apply(t, standby, classtest.Drain(t, w))
	standby.told(3)
	apply(t, standby, []state.Change{
		{Op: state.Upsert, Record: about(message.AddIKE, 2)}, {Op: state.Upsert, Record: about(message.UpdateIKE, 2)},
	})
	standby.told(3)
	if keys := classtest.Digest(t, standby.Sink.Digest); len(keys) != 2 {
		t.Errorf("the standby has %d IKE SAs, want 2", len(keys))
	}

	// The daemon is new, and how it encodes a segment is not known. So the request waits.
	snapshot(t, active)
	active.toldNothing()
	send(t, active.daemon, segment(message.TakeSegment))
	wantMessages(t, active.told(1), segment(message.Resync))
	snapshot(t, active)
	wantMessages(t, active.told(1), segment(message.Resync))

	// The standby deletes what the snapshot does not mention: it mentions nothing.
	if err := standby.Sink.Prune(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	deleted := standby.told(2)
	slices.SortFunc(deleted, bytes.Compare)
	wantMessages(t, deleted, about(message.DeleteIKE, 1), about(message.DeleteIKE, 2))
	send(t, active.daemon, stream...)
	apply(t, standby, classtest.Drain(t, w))
	wantMessages(t, standby.told(3), about(message.DeleteIKE, 1), stream[0], stream[1])
	if keys := classtest.Digest(t, standby.Sink.Adopt); len(keys) != 1 {
		t.Errorf("the standby has %d IKE SAs, want 1", len(keys))
	}
}

func snapshot(t *testing.T, u *unit) {
	t.Helper()
	err := u.Source.Snapshot(t.Context(), func(changes []state.Change) error {
		t.Errorf("a snapshot has %d entries", len(changes))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRequestBeginsAgain has the request of the first process of the daemon's container, on either unit.
func TestRequestBeginsAgain(t *testing.T) {
	u := newUnit(t)
	w := classtest.Watch(t, u.Class)
	apply(t, u, []state.Change{
		{Op: state.Upsert, Record: about(message.AddIKE, 2)}, {Op: state.Upsert, Record: about(message.UpdateIKE, 2)},
	})
	send(t, u.dial(netip.MustParseAddrPort("127.0.0.1:4511")), message.Request())
	wantOverrun(t, w)
	select {
	case <-u.Lost:
	case <-time.After(testbed.Timeout):
		t.Error("the engine is not told that the entries are lost")
	}
	if keys := classtest.Digest(t, u.Sink.Digest); len(keys) != 0 {
		t.Errorf("the unit has %d IKE SAs, want none", len(keys))
	}
}

func wantOverrun(t *testing.T, w class.Watch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testbed.Timeout)
	defer cancel()
	for {
		switch _, err := w.Receive(ctx); {
		case errors.Is(err, class.ErrOverrun):
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

// TestWaitingMessagesAreBounded has more messages than the relay takes.
func TestWaitingMessagesAreBounded(t *testing.T) {
	u := newUnit(t)
	w := classtest.Watch(t, u.Class)
	const rounds = 70
	for range rounds { // 17,920 messages; none is dropped by the socket, since it is read in between.
		for i := range 256 {
			send(t, u.daemon, about(message.UpdateIKE, i))
		}
		w.Drain()
	}
	wantOverrun(t, w)
	w.Drain()
	send(t, u.daemon, about(message.AddIKE, 1))
	if got := classtest.Drain(t, w); len(got) == 0 || len(got) > 16384 {
		t.Errorf("got %d messages after the overrun", len(got))
	}
}

// TestSlowDaemonLosesNothing has a daemon with little memory for its socket, which reads slowly.
func TestSlowDaemonLosesNothing(t *testing.T) {
	standby := newUnit(t)
	if err := standby.daemon.SetReadBuffer(104 << 10); err != nil { // The kernel doubles it.
		t.Fatal(err)
	}
	const count = 1000
	changes := updates(count)
	done := make(chan error, 1)
	go func() {
		_, err := standby.Sink.Apply(t.Context(), changes)
		done <- err
	}()
	got := standby.told(count)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantMessages(t, got, records(changes)...)
}

// updates returns changes with long messages.
func updates(count int) (changes []state.Change) {
	for i := range count {
		changes = append(changes, state.Change{
			Op: state.Upsert, Record: about(message.UpdateIKE, i, make([]byte, 900)...),
		})
	}
	return changes
}

// TestPairWithoutTunnels has no IKE daemon: nothing listens, and the class has nothing.
func TestPairWithoutTunnels(t *testing.T) {
	c, err := vpn.Factory(nil).New(class.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Source.Watch()
	if err != nil {
		t.Fatal(err)
	}
	if got := classtest.Drain(t, w); len(got) != 0 {
		t.Errorf("got %d messages", len(got))
	}
	u := &unit{Class: c, t: t}
	snapshot(t, u)
	if outcome := apply(t, u, []state.Change{{Op: state.Upsert, Record: about(message.AddIKE, 1)}}); outcome.Total() != 0 {
		t.Errorf("refused: %+v", outcome)
	}
	if got := classtest.Digest(t, c.Source.Digest); len(got) != 0 {
		t.Errorf("it has %d IKE SAs", len(got))
	}
}
