package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
	"github.com/hapair-io/hapair/test/poll"
)

// stranger sends arbitrary datagrams to a unit.
type stranger struct {
	t      testing.TB
	socket net.Conn
}

func newStranger(t testing.TB, u *unit) stranger {
	t.Helper()
	socket, err := net.Dial("udp", u.at(loopback).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return stranger{t, socket}
}

func (s stranger) send(datagram []byte) {
	s.t.Helper()
	if _, err := s.socket.Write(datagram); err != nil {
		s.t.Fatal(err)
	}
}

// sealed returns a datagram of a payload under the keys.
func sealed(t testing.TB, k Keys, payload []byte) []byte {
	t.Helper()
	sealer, err := seal.NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	datagram, err := sealer.Seal(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return datagram
}

func TestDatagramsOfStrangersAreCounted(t *testing.T) {
	a, b := two(t)
	s := newStranger(t, b)
	payload, err := example.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := session(1)
	unknown, _ := session(99)
	forged := mine
	forged.Send = seal.Secret{1}
	future := sealed(t, mine, payload)
	future[0]++
	genuine := sealed(t, mine, payload)
	want := map[seal.DropReason]uint64{}
	for _, c := range []struct {
		datagram []byte
		why      seal.DropReason
	}{
		{nil, unread},
		{[]byte("hello"), unread},
		{genuine[:datagramSize-1], seal.DropSize},
		{append(slices.Clone(genuine), 0), seal.DropSize},
		{make([]byte, 60_000), unread},
		{make([]byte, datagramSize), unread},
		{future, seal.DropVersion},
		{sealed(t, unknown, payload), unread},
		{sealed(t, forged, payload), seal.DropSeal},
		{genuine, seal.Accepted},
		{genuine, seal.DropReplay},
		{genuine, seal.DropReplay},
	} {
		s.send(c.datagram)
		if c.why != seal.Accepted {
			want[c.why]++
		}
	}
	b.hears(primary1, example.Sequence) // the genuine one
	a.Rekey(b.at(loopback), secondary1, unknown)
	a.say(1) // the first under session 1 is a replay of what the stranger sent, that under session 99 is unknown
	want[unread]++
	want[seal.DropReplay]++
	a.say(2)
	want[unread]++
	b.hears(primary1, 2)
	b.refuses(want)
}

// unread stands for datagrams that the kernel drops.
const unread = seal.DropReason(255)

// refuses waits until the counts of dropped datagrams are as wanted.
func (u *unit) refuses(want map[seal.DropReason]uint64) {
	u.t.Helper()
	u.eventually(func(c Counters) bool {
		for _, reason := range seal.AllDropReasons() {
			if c.Dropped[reason] != want[reason] {
				return false
			}
		}
		return c.Unread == want[unread]
	}, fmt.Sprintf("dropped are %v", want))
}

// eventually waits until the counts are as wanted.
func (u *unit) eventually(wanted func(Counters) bool, what string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	err := poll.Until(ctx, time.Millisecond, what, func(context.Context) error {
		if c := u.Counters(); !wanted(c) {
			return fmt.Errorf("counted are %+v", c)
		}
		return nil
	})
	if err != nil {
		u.t.Fatal(err)
	}
}

// TestUnknownContentOfThePeerIsCounted has a peer of another release: its seal is valid and its content is unknown.
func TestUnknownContentOfThePeerIsCounted(t *testing.T) {
	_, b := two(t)
	mine, _ := session(1)
	payload, err := example.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	payload[0] |= 0x80
	newStranger(t, b).send(sealed(t, mine, payload))
	b.refuses(map[seal.DropReason]uint64{seal.DropContent: 1})
}

// TestPeerIsHeardDuringAFlood sends forged datagrams as fast as it can. Messages of the peer arrive meanwhile as long
// as the socket's buffer has space, and afterwards all of them arrive.
func TestPeerIsHeardDuringAFlood(t *testing.T) {
	a, b := two(t)
	s := newStranger(t, b)
	forged, _ := session(1)
	forged.Send = seal.Secret{1}
	sealer, err := seal.NewSealer(forged)
	if err != nil {
		t.Fatal(err)
	}
	var flooding sync.WaitGroup
	flooding.Go(func() {
		var datagram [datagramSize]byte
		for range 50_000 {
			_, sealErr := sealer.Seal(datagram[:0], make([]byte, messageSize))
			_, err := s.socket.Write(datagram[:])
			if err = errors.Join(sealErr, err); err != nil {
				t.Errorf("Flooding: %v", err)
				return
			}
		}
	})
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for sequence := range uint64(200) {
		a.say(sequence)
		<-pace.C
	}
	flooding.Wait()
	a.say(1000)
	heard := 0
	for b.next().Sequence != 1000 {
		heard++
	}
	c := b.Counters()
	t.Logf("During a flood, %d of 200 messages came; %d forged datagrams were dropped", heard, c.Dropped[seal.DropSeal])
	if heard == 0 || c.Dropped[seal.DropSeal] == 0 || c.Failures != 0 {
		t.Errorf("%d messages came, counted were %+v", heard, c)
	}
}

// relay is a network between two units that loses, repeats and delays.
type relay struct {
	socket     *net.UDPConn
	to         netip.AddrPort
	random     *rand.Rand
	held       [][]byte
	took, gave atomic.Uint64
}

// newRelay starts a relay to a unit, which runs until the test ends.
func newRelay(t *testing.T, to *unit, seed uint64) *relay {
	t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{socket: socket, to: to.at(loopback), random: rand.New(rand.NewPCG(seed, 0))}
	var running sync.WaitGroup
	running.Go(r.run)
	t.Cleanup(func() {
		_ = socket.Close()
		running.Wait()
	})
	return r
}

func (r *relay) address() netip.AddrPort { return r.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *relay) run() {
	b := make([]byte, 2*datagramSize)
	for {
		n, _, err := r.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		for range r.random.IntN(4) { // 0 is loss, 2 and 3 repeat
			r.held = append(r.held, slices.Clone(b[:n]))
		}
		r.random.Shuffle(len(r.held), func(i, j int) { r.held[i], r.held[j] = r.held[j], r.held[i] })
		for len(r.held) > 50 {
			_, _ = r.socket.WriteToUDPAddrPort(r.held[0], r.to) // A network may lose anything.
			r.held = r.held[1:]
			r.gave.Add(1)
		}
		r.took.Add(1)
	}
}

func TestNetworkThatLosesRepeatsAndReorders(t *testing.T) {
	const messages = 3000
	a, b := newUnit(t, anywhere), newUnit(t, anywhere)
	seed := uint64(time.Now().UnixNano())
	t.Logf("The network's seed is %d", seed)
	first, second := session(1)
	network := newRelay(t, b, seed)
	a.Rekey(network.address(), secondary1, first)
	b.Rekey(a.at(loopback), primary1, second)
	for sequence := range uint64(messages) {
		a.say(sequence)
		if sequence%100 == 99 { // Wait, so that the sockets of this machine lose nothing themselves.
			b.eventually(func(c Counters) bool {
				return network.took.Load() == sequence+1 && c.Received+c.Dropped[seal.DropReplay] == network.gave.Load()
			}, "every datagram arrived")
		}
	}
	heard, reordered, last := map[uint64]bool{}, 0, uint64(0)
	for range len(b.came) {
		got := b.next()
		want := example
		want.Sequence = got.Sequence
		switch {
		case got != (arrival{primary1, want}):
			t.Fatalf("heard %+v, want %+v", got, want)
		case heard[got.Sequence]:
			t.Fatalf("message %d came twice", got.Sequence)
		case got.Sequence < last:
			reordered++
		}
		heard[got.Sequence], last = true, got.Sequence
	}
	replays := b.Counters().Dropped[seal.DropReplay]
	t.Logf("Of %d messages %d came, %d of them out of order; %d came again", messages, len(heard), reordered, replays)
	if len(heard) < messages/2 || reordered == 0 || replays == 0 {
		t.Error("the network did not lose, repeat and reorder, or the link does not tolerate it")
	}
}

// TestSendingToAClosedPortSucceeds sends to a port on which nobody listens. The kernel may report that on a later call.
func TestSendingToAClosedPortSucceeds(t *testing.T) {
	a, b := two(t)
	address := b.at(loopback)
	b.stop()
	for sequence := range uint64(100) {
		a.say(sequence)
	}
	again := newUnit(t, address.String())
	_, second := session(1)
	again.Rekey(a.at(loopback), primary1, second)
	a.say(100)
	again.hears(primary1, 100)
	again.say(101)
	a.hears(secondary1, 101)
}

func TestSocketThatFailsIsReadAgain(t *testing.T) {
	a, b := two(t)
	if err := b.socket.SetReadDeadline(time.Unix(1, 0)); err != nil { // The one error that a test can cause.
		t.Fatal(err)
	}
	b.eventually(func(c Counters) bool { return c.Failures > 1 }, "the socket fails")
	if err := b.socket.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	a.say(1)
	b.hears(primary1, 1)
}

// TestNetworkThatRefusesIsCounted sends to a port that does not exist.
func TestNetworkThatRefusesIsCounted(t *testing.T) {
	a, _ := two(t)
	first, _ := session(2)
	a.Rekey(netip.AddrPortFrom(loopback, 0), "secondary/2", first)
	if err := a.Send(example); err == nil {
		t.Error("sending returned no error")
	}
	if c := a.Counters(); c.Unsent != 1 || c.Sent != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestDatagramsHavePriority(t *testing.T) {
	for _, c := range []struct {
		at              netip.Addr
		level, ask, got int
	}{
		{loopback, unix.IPPROTO_IP, unix.IP_RECVTOS, unix.IP_TOS},
		{loopback6, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, unix.IPV6_TCLASS},
	} {
		socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.at, 0)))
		if err != nil {
			t.Fatal(err)
		}
		set(t, socket, c.level, c.ask)
		u := newUnit(t, anywhere)
		first, _ := session(1)
		u.Rekey(socket.LocalAddr().(*net.UDPAddr).AddrPort(), secondary1, first)
		u.say(1)
		datagram, control := make([]byte, 2*datagramSize), make([]byte, 256)
		_ = socket.SetReadDeadline(time.Now().Add(patience))
		n, controls, _, _, err := socket.ReadMsgUDP(datagram, control)
		if err != nil || n != datagramSize {
			t.Fatalf("%d bytes came, %v", n, err)
		}
		messages, err := syscall.ParseSocketControlMessage(control[:controls])
		if err != nil || len(messages) != 1 || messages[0].Header.Type != int32(c.got) || messages[0].Data[0] != 0xc0 {
			t.Errorf("%s: class of the datagram is %+v, %v, want CS6", c.at, messages, err)
		}
		if got := get(t, u.raw, unix.SO_PRIORITY); got != priority {
			t.Errorf("%s: the socket's priority is %d, want %d", c.at, got, priority)
		}
		if got := get(t, u.raw, unix.SO_RCVBUF); got < 200<<10 {
			t.Errorf("%s: the socket's buffer is %d bytes", c.at, got)
		}
		_ = socket.Close()
	}
}

func set(t *testing.T, socket *net.UDPConn, level, option int) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) })
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, raw syscall.RawConn, option int) (value int) {
	t.Helper()
	var err error
	_ = raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option) })
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestConcurrentUse calls all methods from many goroutines.
func TestConcurrentUse(t *testing.T) {
	a, b := two(t)
	var running sync.WaitGroup
	for n := range uint64(4) {
		running.Go(func() {
			for i := range uint64(200) {
				_ = a.Send(Message{Sequence: n*1000 + i}) // Some get lost, as on any network.
				_ = b.Send(Message{Sequence: n*1000 + i})
				_ = a.Counters()
			}
		})
	}
	for number := uint64(2); number < 50; number++ {
		meet(a, b, number)
	}
	running.Wait()
	a.drain()
	b.drain()
	a.say(1 << 40)
	for b.next().Sequence != 1<<40 {
	}
}
