package heartbeat

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test.
const patience = 20 * time.Second

const (
	anywhere   = ":0"
	primary1   = "primary/1"
	secondary1 = "secondary/1"
)

var (
	loopback  = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// arrival is a message that was received, and its sender.
type arrival struct {
	from string
	Message
}

// unit is a running link and the messages that it received.
type unit struct {
	*Link
	t    testing.TB
	came chan arrival
	stop func()
}

func newUnit(t testing.TB, address string) *unit {
	t.Helper()
	link, err := Listen(Config{Address: address, Log: testr.NewWithInterface(t, testr.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	return startUnit(t, link)
}

// startUnit runs a link until the test ends.
func startUnit(t testing.TB, link *Link) *unit {
	t.Helper()
	u := &unit{Link: link, t: t, came: make(chan arrival, 10_000)}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := link.Run(ctx, func(from string, m Message) { u.came <- arrival{from, m} }); err != nil {
			t.Errorf("Running: %v", err)
		}
	})
	u.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := link.Close(); err != nil {
			t.Errorf("Closing: %v", err)
		}
	})
	t.Cleanup(u.stop)
	return u
}

// at returns the unit's port at an address of this machine.
func (u *unit) at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, u.LocalAddress().Port()) }

// say sends a message of the sequence.
func (u *unit) say(sequence uint64) {
	u.t.Helper()
	m := example
	m.Sequence = sequence
	if err := u.Send(m); err != nil {
		u.t.Fatalf("Sending %d: %v", sequence, err)
	}
}

// next returns the next message that is received.
func (u *unit) next() arrival {
	u.t.Helper()
	select {
	case a := <-u.came:
		return a
	case <-time.After(patience):
		u.t.Fatalf("nothing came; counted are %+v", u.Counters())
		return arrival{}
	}
}

// hears waits for a message of the sequence from the incarnation.
func (u *unit) hears(from string, sequence uint64) {
	u.t.Helper()
	want := example
	want.Sequence = sequence
	if got := u.next(); got != (arrival{from, want}) {
		u.t.Fatalf("heard %+v, want %+v of %s", got, want, from)
	}
}

// session returns the keys that two units get from their session of the number.
func session(number uint64) (a, b Keys) {
	binary.BigEndian.PutUint64(a.ID[:], number)
	binary.BigEndian.PutUint64(a.Send[:], 2*number)
	binary.BigEndian.PutUint64(a.Receive[:], 2*number+1)
	return a, Keys{ID: a.ID, Send: a.Receive, Receive: a.Send}
}

// two returns two units that had session 1.
func two(t testing.TB) (a, b *unit) {
	t.Helper()
	a, b = newUnit(t, anywhere), newUnit(t, anywhere)
	meet(a, b, 1)
	return a, b
}

// meet gives both units the keys of a session.
func meet(a, b *unit, number uint64) {
	first, second := session(number)
	a.Rekey(b.at(loopback), secondary1, first)
	b.Rekey(a.at(loopback), primary1, second)
}

func TestUnitsHearEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		listen string
		at     netip.Addr
	}{
		"IPv4 on a socket of both": {anywhere, loopback},
		"IPv6 on a socket of both": {anywhere, loopback6},
		"IPv4 written as IPv6":     {anywhere, netip.AddrFrom16(loopback.As16())},
		"IPv4 alone":               {"127.0.0.1:0", loopback},
		"IPv6 alone":               {"[::1]:0", loopback6},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newUnit(t, c.listen), newUnit(t, c.listen)
			first, second := session(1)
			a.Rekey(b.at(c.at), secondary1, first)
			b.Rekey(a.at(c.at), primary1, second)
			for sequence := range uint64(10) {
				a.say(sequence)
				b.hears(primary1, sequence)
				b.say(100 + sequence)
				a.hears(secondary1, 100+sequence)
			}
			for _, u := range []*unit{a, b} {
				c := u.Counters()
				if c.Received != 10 || c.Unsent != 0 || c.Failures != 0 || len(c.Dropped) != len(seal.AllDropReasons()) {
					t.Errorf("counted %+v", c)
				}
			}
		})
	}
}

func TestNothingIsSentBeforeASession(t *testing.T) {
	first, _ := session(1)
	u := newUnit(t, anywhere)
	if err := u.Send(example); !errors.Is(err, ErrNoPeer) {
		t.Errorf("without a session: %v", err)
	}
	u.Rekey(netip.AddrPort{}, secondary1, first)
	if err := u.Send(example); !errors.Is(err, ErrNoPeer) {
		t.Errorf("to a peer of unknown address: %v", err)
	}
	ipv4 := newUnit(t, "127.0.0.1:0")
	ipv4.Rekey(u.at(loopback6), secondary1, first)
	if err := ipv4.Send(example); !errors.Is(err, ErrNoPeer) {
		t.Errorf("to an IPv6 peer without IPv6: %v", err)
	}
	same := newUnit(t, anywhere)
	same.Rekey(u.at(loopback), secondary1, Keys{})
	if err := same.Send(example); !errors.Is(err, ErrNoPeer) {
		t.Errorf("with keys that are not valid: %v", err)
	}
}

func TestInvalidMessageIsNotSent(t *testing.T) {
	a, b := two(t)
	if err := a.Send(Message{Grant: -1}); !errors.Is(err, errMessage) {
		t.Errorf("got %v", err)
	}
	a.say(1)
	b.hears(primary1, 1)
}

func TestRepeatingASessionChangesNothing(t *testing.T) {
	a, b := two(t)
	for sequence := range uint64(10) {
		meet(a, b, 1)
		a.say(sequence)
		b.hears(primary1, sequence)
	}
	if c := b.Counters(); c.Dropped[seal.DropReplay] != 0 {
		t.Errorf("counted %+v", c)
	}
}

// TestReconnectDoesNotInterruptHeartbeats has one unit learn of sessions before the other, which never learns of some.
func TestReconnectDoesNotInterruptHeartbeats(t *testing.T) {
	a, b := two(t)
	a.say(1)
	b.hears(primary1, 1)
	b.say(2)
	a.hears(secondary1, 2)
	sequence := uint64(3)
	for number := uint64(2); number < 10; number++ { // They break before b knows.
		first, _ := session(number)
		a.Rekey(b.at(loopback), secondary1, first)
		a.say(sequence)
		b.hears(primary1, sequence)
		b.say(sequence + 1)
		a.hears(secondary1, sequence+1)
		sequence += 2
	}
	_, second := session(9)
	b.Rekey(a.at(loopback), primary1, second) // The last one lasts.
	b.say(sequence)
	a.hears(secondary1, sequence)

	// Under the keys that both know now, a message is one datagram again.
	a.drain()
	sent := a.Counters().Sent
	a.say(sequence + 1)
	if now := a.Counters().Sent; now != sent+1 {
		t.Errorf("%d datagrams were sent for one message", now-sent)
	}
	b.hears(primary1, sequence+1)
}

// drain removes the copies of messages that were sent under two keys.
func (u *unit) drain() {
	for {
		select {
		case <-u.came:
		default:
			return
		}
	}
}

func TestMessageComesUnderEitherKey(t *testing.T) {
	a, b := two(t)
	first, second := session(2)
	a.Rekey(b.at(loopback), secondary1, first) // Only a knows of the session.
	a.say(1)
	b.hears(primary1, 1)
	if c := a.Counters(); c.Sent != 2 {
		t.Errorf("%d datagrams were sent, want one under each key", c.Sent)
	}
	b.Rekey(a.at(loopback), primary1, second)
	a.say(2)
	b.hears(primary1, 2)
	b.hears(primary1, 2) // It comes again under the other key.
	b.say(3)             // Unit b has heard the newest key, and uses no other.
	a.hears(secondary1, 3)
	if c := b.Counters(); c.Sent != 1 || c.Unread != 1 {
		t.Errorf("counted %+v", c)
	}
}

func TestKeysOfThePreviousSessionAreAccepted(t *testing.T) {
	a, b := two(t)
	_, second := session(2)
	b.Rekey(a.at(loopback), primary1, second)
	a.say(1) // It is under the previous keys.
	b.hears(primary1, 1)
	_, third := session(3)
	b.Rekey(a.at(loopback), primary1, third)
	a.say(2) // The peer was heard under these keys last, and may have no others.
	b.hears(primary1, 2)
}

func TestKeysOfAnEarlierSessionAreIgnored(t *testing.T) {
	a, b := two(t)
	meet(a, b, 2)
	first, _ := session(1)
	a.Rekey(netip.MustParseAddrPort("127.0.0.1:1"), "secondary/0", first)
	a.say(1)
	b.hears(primary1, 1)
}

func TestRestartedPeerIsHeard(t *testing.T) {
	a, b := two(t)
	a.say(1)
	b.hears(primary1, 1)
	b.say(2)
	a.hears(secondary1, 2)
	again := newUnit(t, anywhere)
	first, second := session(2)
	a.Rekey(again.at(loopback6), "secondary/2", first) // It has another address and incarnation.
	again.Rekey(a.at(loopback6), primary1, second)
	sent := a.Counters().Sent
	a.say(3)
	again.hears(primary1, 3)
	if n := a.Counters().Sent - sent; n != 1 {
		t.Errorf("%d datagrams were sent, want one: the peer's earlier life needs none", n)
	}
	again.say(4)
	a.hears("secondary/2", 4)
	b.say(5) // A late datagram of the earlier life is reported under that incarnation.
	a.hears(secondary1, 5)
}

func TestRunEndsWithTheContextOrTheLink(t *testing.T) {
	byContext := newUnit(t, anywhere)
	byContext.stop()
	link, err := Listen(Config{Address: anywhere, Log: testr.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- link.Run(t.Context(), func(string, Message) {}) }()
	if err := link.Close(); err != nil {
		t.Errorf("Closing: %v", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Running: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run continues without a socket")
	}
	if err := link.Send(example); err == nil {
		t.Error("a link that is closed sends")
	}
	if _, err := Listen(Config{Address: "no address"}); err == nil {
		t.Error("a link listens nowhere")
	}
}

func TestTwoLinksDoNotShareAPort(t *testing.T) {
	u := newUnit(t, anywhere)
	if other, err := Listen(Config{Address: u.LocalAddress().String()}); err == nil {
		t.Errorf("a second link listens on %s: %v", u.LocalAddress(), other.Close())
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	u := newUnit(t, anywhere)
	first, _ := session(1)
	u.Rekey(u.at(loopback), secondary1, first)
	allocations := testing.AllocsPerRun(100, func() {
		if err := u.Send(example); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a message", allocations)
	}
}
