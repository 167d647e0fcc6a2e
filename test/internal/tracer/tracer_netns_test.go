//go:build netns

package tracer_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

const port = 7100

// scene is a network with a tracer, a stream and probes.
type scene struct {
	*testbed.Network
	tracer *tracer.Tracer
	stream *tracer.Stream
	prober *tracer.Prober
}

func newScene(t *testing.T) *scene {
	t.Helper()
	n := testbed.NewNetwork(t)
	n.Primary.Link(t, "lan0").Address(testbed.VirtualLAN.String())
	n.Primary.Link(t, "wan0").Address(testbed.VirtualWAN.String())
	ctx, cancel := context.WithCancel(t.Context())
	s := &scene{Network: n}
	var err error
	s.tracer, err = tracer.Listen(ctx, tracer.Config{
		Namespace: namespace.Named(n.Server.Name), Interface: "wan0", UDP: port,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, server := namespace.Named(n.Client.Name), netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddress), port)
	if s.stream, err = tracer.Send(ctx, client, server, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	from := netip.AddrPortFrom(netip.MustParseAddr(testbed.ClientAddress), 40000)
	if s.prober, err = tracer.Probe(ctx, client, "lan0", from, server, 2*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.prober.Wait()
		s.stream.Wait()
		s.tracer.Wait()
	})
	return s
}

// station returns the hardware address of a router's interface.
func station(t *testing.T, router *testbed.Namespace, name string) tracer.Station {
	t.Helper()
	var found tracer.Station
	err := router.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err == nil {
			found = tracer.Station(link.Attrs().HardwareAddr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *scene) name(t *testing.T) func(tracer.Station) (string, bool) {
	primary, secondary := station(t, s.Primary, "wan0"), station(t, s.Secondary, "wan0")
	return func(one tracer.Station) (string, bool) {
		switch one {
		case primary:
			return "primary", true
		case secondary:
			return "secondary", true
		default:
			return "", false
		}
	}
}

func (s *scene) observations(t *testing.T) tracer.Observations {
	t.Helper()
	seen, err := s.tracer.Observations()
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func (s *scene) await(t *testing.T, what string, done func(tracer.Observations) bool) {
	t.Helper()
	testbed.Eventually(t, what, func() bool { return done(s.observations(t)) })
}

func TestOneForwarder(t *testing.T) {
	s := newScene(t)
	s.prober.Aim([]tracer.Station{station(t, s.Primary, "lan0")})
	s.await(t, "stream and probes arrive", func(seen tracer.Observations) bool {
		return seen.Stream.Received > 200 && seen.Probes > 50
	})
	seen := s.observations(t)
	violations := tracer.FindViolations(&seen.Forwarders, s.name(t), []tracer.Holder{{Unit: "primary"}})
	if len(violations) > 0 {
		t.Errorf("one router forwards, but violations were found: %v", violations)
	}
	if got := seen.Forwarders.Segments(); len(got) != 1 || got[0].Packets != seen.Stream.Received+seen.Probes {
		t.Errorf("%+v for %d packets and %d probes", got, seen.Stream.Received, seen.Probes)
	}
}

// Neither router has a gate. Only the probes reveal a router that no other traffic is sent to.
func TestTwoForwardersAreDetectedByProbesAlone(t *testing.T) {
	s := newScene(t)
	s.prober.Aim([]tracer.Station{station(t, s.Primary, "lan0"), station(t, s.Secondary, "lan0")})
	s.await(t, "probes arrive", func(seen tracer.Observations) bool { return seen.Probes > 50 })
	seen := s.observations(t)
	holders := []tracer.Holder{{Unit: "primary"}, {Unit: "secondary"}}
	violations := tracer.FindViolations(&seen.Forwarders, s.name(t), holders)
	if !slices.ContainsFunc(violations, func(v tracer.Violation) bool { return v.Verdict == tracer.Interleaved }) {
		t.Errorf("two routers forward, but the violations are: %v", violations)
	}
}

func TestAGapIsMeasured(t *testing.T) {
	s := newScene(t)
	s.await(t, "the stream arrives", func(seen tracer.Observations) bool { return seen.Stream.Received > 100 })
	s.tracer.Reset()
	cut := time.Now()
	s.Primary.Link(t, "wan0").Down()
	before := s.stream.Newest()
	testbed.Eventually(t, "packets are lost", func() bool { return s.stream.Newest() > before+300 })
	s.Primary.Link(t, "wan0").Up()
	s.await(t, "the stream arrives again", func(seen tracer.Observations) bool {
		return seen.Stream.LastAt.After(cut.Add(200 * time.Millisecond))
	})
	took := time.Since(cut)
	got := s.observations(t).Stream
	if got.Lost < 200 || got.Longest.Length < 200*time.Millisecond || got.Longest.Length > took+10*time.Millisecond {
		t.Errorf("lost %d in a gap of %v, the link was down for %v", got.Lost, got.Longest.Length, took)
	}
}
