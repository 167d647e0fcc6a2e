//go:build netns

package gate

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

// The addresses of the bed. The virtual ones are on the router from the beginning, as on a unit that has died active.
const (
	clientAddress = "192.0.2.9"
	ownLAN        = "192.0.2.2"
	virtualLAN    = "192.0.2.1"
	ownWAN        = "198.51.100.2"
	virtualWAN    = "198.51.100.1"
	serverAddress = "198.51.100.9"

	clientAddress6 = "2001:db8:1::9"
	ownLAN6        = "2001:db8:1::2"
	virtualLAN6    = "2001:db8:1::1"
	ownWAN6        = "2001:db8:2::2"
	virtualWAN6    = "2001:db8:2::1"
	serverAddress6 = "2001:db8:2::9"
)

// bed is a client and a server with a router between them, which is the unit.
//
//	client0 ── lan router wan ── server0
type bed struct {
	t                      testing.TB
	client, router, server *testbed.Namespace
	setup                  unitSetup
}

func newBed(t testing.TB, withoutBPF bool) *bed {
	t.Helper()
	b := &bed{
		t: t, client: testbed.NewNamespace(t, "client"), router: testbed.NewNamespace(t, "router"),
		server: testbed.NewNamespace(t, "server"),
		setup: unitSetup{
			Interfaces: []string{"lan", "wan"}, WithoutBPF: withoutBPF,
			VirtualMACs: []rtnetlink.MAC{{0, 0, 0x5e, 0, 1, 7}},
		},
	}
	for _, a := range []string{virtualLAN, virtualWAN, virtualLAN6, virtualWAN6} {
		b.setup.Virtual = append(b.setup.Virtual, netip.MustParseAddr(a))
	}
	for _, n := range []*testbed.Namespace{b.client, b.router, b.server} {
		n.Set(t, "net.ipv6.conf.default.accept_dad", "0") // or nothing is sent from a link's address for two seconds
	}
	b.router.Set(t, "net.ipv6.conf.all.forwarding", "1")
	b.wireLAN()
	testbed.Wire(t, b.router, "wan", b.server, "server0")
	b.router.Link(t, "wan").Address(ownWAN + "/24").Address(virtualWAN + "/24").
		Address(ownWAN6 + "/64").Address(virtualWAN6 + "/64")
	b.server.Link(t, "server0").Address(serverAddress + "/24").Route(virtualWAN).
		Address(serverAddress6 + "/64").Route(virtualWAN6)
	return b
}

func (b *bed) wireLAN() {
	b.t.Helper()
	testbed.Wire(b.t, b.client, "client0", b.router, "lan")
	b.router.Link(b.t, "lan").Address(ownLAN + "/24").Address(virtualLAN + "/24").
		Address(ownLAN6 + "/64").Address(virtualLAN6 + "/64")
	b.client.Link(b.t, "client0").Address(clientAddress + "/24").Route(virtualLAN).
		Address(clientAddress6 + "/64").Route(virtualLAN6)
}

// unit starts the router's gate.
func (b *bed) unit() *process {
	b.t.Helper()
	p, first := startUnit(b.t, b.router, b.setup, (*exec.Cmd).Start)
	if first.Error != "" {
		b.t.Fatalf("Putting the gate up: %s", first.Error)
	}
	p.kind = first.Kind
	return p
}

// eachKind runs a test with each kind of gate.
func eachKind(t *testing.T, test func(t *testing.T, b *bed)) {
	for kind, withoutBPF := range map[string]bool{"BPF": false, "NFTables": true} {
		t.Run(kind, func(t *testing.T) { test(t, newBed(t, withoutBPF)) })
	}
}

// stream is datagrams from the client to the server through the router.
type stream struct {
	*testbed.Stream
	t testing.TB
	// begun is when it was first seen to get through.
	begun time.Duration
}

func (b *bed) stream(to string) *stream {
	b.t.Helper()
	return &stream{Stream: testbed.NewStream(b.t, b.client, b.server, net.JoinHostPort(to, "5000")), t: b.t}
}

// passing waits until the stream gets through.
func (s *stream) passing() {
	s.t.Helper()
	asked := clock.Boot()
	testbed.Eventually(s.t, "the stream gets through", func() bool { return s.ArrivedSince(asked) > 10 })
	s.begun = clock.Boot()
}

// goOn lets the stream continue until enough was sent past an instant, and ends it.
func (s *stream) goOn(past time.Duration) {
	s.t.Helper()
	testbed.Eventually(s.t, "the stream goes on", func() bool {
		n := 0
		for _, d := range s.Sent() {
			if d.Before > past+sound && d.After != 0 {
				n++
			}
		}
		return n >= 100
	})
}

// nothingPast fails when something arrived past an instant; it got through what is named.
func (s *stream) nothingPast(instant time.Duration, through string) {
	s.t.Helper()
	if n := s.ArrivedSince(instant + sound); n > 0 {
		s.t.Errorf("%d datagrams got through %s", n, through)
	}
}

// until waits for an instant.
func until(instant time.Duration) {
	for clock.Boot() < instant {
		time.Sleep(time.Millisecond)
	}
}

// sound is how late a datagram may arrive after the deadline: it was let through in time, and had a way to go on a
// machine that does other things too.
const sound = 5 * time.Millisecond

// hiccup is how long a machine with other work may keep a datagram that was sent from being processed.
const hiccup = 30 * time.Millisecond

// closedAt checks that everything got through that was sent before the deadline, less what a gate may close early, and
// nothing after it.
func (s *stream) closedAt(deadline, early time.Duration) {
	s.t.Helper()
	sent := s.Sent()
	var last time.Duration
	var lost, late int
	for _, d := range sent {
		switch {
		case d.Arrived == 0 && d.Before > s.begun && d.After < deadline-early-hiccup:
			lost++
		case d.Arrived != 0:
			last = max(last, d.Arrived)
			if d.Before > deadline {
				late++
			}
		}
	}
	s.t.Logf("The last of %d datagrams arrived %s after the deadline", len(sent), last-deadline)
	if late > 0 || last > deadline+sound {
		s.t.Errorf("%d datagrams sent past the deadline arrived, the last one %s late", late, last-deadline)
	}
	if lost > 0 {
		s.t.Errorf("%d datagrams were lost before the deadline", lost)
	}
}
