package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/cpuload"
	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// The server's ports.
const (
	portUDP   = 7101
	portUDP5  = 7102
	portTCP   = 7103
	portProbe = 7104
	// portProber is the client's source port of the probes.
	portProber = 7105
)

const (
	// fine is the interval of the ticker that measures gaps. coarse is the interval of the others.
	fine   = time.Millisecond
	coarse = 5 * time.Millisecond
	// noiseWindow is how long gaps are measured before the event.
	noiseWindow = 2 * time.Second
	// jitter bounds a random delay of the event. With it, the event meets the systems' timers at any phase.
	jitter = time.Second
	// flowing is the longest silence of a connection that counts as alive.
	flowing = 200 * time.Millisecond
	// steady is how long all connections must be alive before a run is over.
	steady = time.Second
	// minWatch exceeds the time in which any of the systems detects a failure, maxWatch the time in which it recovers.
	minWatch = 2 * time.Second
	maxWatch = 30 * time.Second
	// quietLimit is the number of processors that may be busy on a quiet machine. The traffic itself needs a little less.
	quietLimit = 0.35
)

// errDisturbed reports that the pair changed before the event.
var errDisturbed = errors.New("the pair changed before the event")

// measurement holds the traffic and the recordings of one run.
type measurement struct {
	bed    *bed
	system system
	sample *Sample

	udp, udp5, tcp *traffic.Trial
	client, server *tracer.Recording
	prober         *tracer.Prober
}

// begin starts the traffic and the recordings.
func begin(b *bed, s system, sample *Sample) *measurement {
	b.t.Helper()
	m := &measurement{bed: b, system: s, sample: sample}
	// The server does not answer probes. Without an open socket it would refuse them.
	home, err := namespace.ListenPacket(b.t.Context(), namespace.Named(b.network.Server.Name), "udp",
		fmt.Sprintf("%s:%d", testbed.ServerAddress, portProbe))
	if err != nil {
		b.t.Fatalf("Opening the port of the probes: %v", err)
	}
	b.t.Cleanup(func() { _ = home.Close() })
	m.client = tracer.Record(b.t, b.network.Client, "lan0", ofTraffic)
	m.server = tracer.Record(b.t, b.network.Server, "wan0", ofTraffic)
	server := netip.MustParseAddr(testbed.ServerAddress)
	m.tcp = traffic.Start(b.t, traffic.TCP, b.network, netip.AddrPortFrom(server, portTCP), coarse)
	m.udp5 = traffic.Start(b.t, traffic.UDP, b.network, netip.AddrPortFrom(server, portUDP5), coarse)
	m.udp = traffic.Start(b.t, traffic.UDP, b.network, netip.AddrPortFrom(server, portUDP), fine)
	return m
}

// ofTraffic reports whether a packet belongs to a connection between client and server.
func ofTraffic(p tracer.Packet) bool {
	return max(p.SrcPort, p.DstPort) >= portUDP && (isServerPort(p.SrcPort) || isServerPort(p.DstPort))
}

func isServerPort(port uint16) bool { return portUDP <= port && port <= portProbe }

// probe sends a datagram each 2 ms to the MAC address of a router, even while it does not have the virtual addresses. A
// neighbour that missed the announcement of the new active does the same.
func (m *measurement) probe(r *router) {
	b := m.bed
	b.t.Helper()
	const interval = 2 * time.Millisecond
	ctx, cancel := context.WithCancel(b.t.Context())
	prober, err := tracer.Probe(ctx, namespace.Named(b.network.Client.Name), "lan0",
		netip.AddrPortFrom(netip.MustParseAddr(testbed.ClientAddress), portProber),
		netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddress), portProbe), interval)
	if err != nil {
		cancel()
		b.t.Fatalf("Probing %s: %v", r.name, err)
	}
	b.t.Cleanup(func() {
		cancel()
		prober.Wait()
	})
	prober.Aim([]tracer.Station{r.lan})
	m.prober = prober
}

// awaitReplicated waits until the secondary has received a number of connections, and returns how many it has.
func awaitReplicated(b *bed, s system, connections int) (replicated int) {
	b.t.Helper()
	b.await(strconv.Itoa(connections)+" connections to be replicated", func(context.Context) (err error) {
		if replicated, err = s.replicated(); err == nil && replicated < connections {
			err = fmt.Errorf("%d are replicated", replicated)
		}
		return err
	})
	return replicated
}

// settle waits until the secondary has received a number of connections, and until the machine is quiet. Then it
// measures the gaps before the event.
func (m *measurement) settle(connections int, patience time.Duration) {
	t := m.bed.t
	t.Helper()
	m.sample.Connections = awaitReplicated(m.bed, m.system, connections)
	waited, err := cpuload.Wait(t.Context(), quietLimit, patience)
	m.sample.QuietAfter, m.sample.Quiet = Milliseconds(waited), err == nil
	if err != nil && !errors.Is(err, cpuload.ErrBusy) {
		t.Fatalf("Waiting for the machine to be quiet: %v", err)
	}
	begun := time.Now().Round(0)
	testbed.Pause(t, noiseWindow+rand.N(jitter))
	now := time.Now().Round(0)
	m.sample.NoiseUDP = longest(m.udp, begun, now)
	m.sample.NoiseTCP = longest(m.tcp, begun, now)
	if err := m.undisturbed(); err != nil {
		t.Fatal(fmt.Errorf("%w: %w", errDisturbed, err))
	}
	// Reading all recorded packets occupies a processor long enough to disturb the fastest settings.
	awaitRedundant(m.bed, m.system)
}

// awaitRedundant waits until the pair is redundant, as it has been before.
func awaitRedundant(b *bed, s system) {
	b.t.Helper()
	err := b.wait("the pair to be redundant again", func(context.Context) error { return s.redundant() })
	if err != nil {
		b.t.Fatal(fmt.Errorf("%w: %w", errDisturbed, err))
	}
}

// undisturbed returns an error if another router than the primary has forwarded.
func (m *measurement) undisturbed() error {
	forwarded, err := m.forwarded()
	if err == nil && (len(forwarded) == 0 || len(tracer.FindTakeovers(forwarded, tracer.InFlight).Changes) > 0) {
		err = errors.New("more than one router has forwarded")
	}
	return err
}

func longest(k *traffic.Trial, from, to time.Time) Milliseconds {
	heard, _ := k.Heard()
	return Milliseconds(traffic.Longest(heard, from, to).Length)
}

// recover waits after an event until all connections are alive, or until it is certain that they are not.
func (m *measurement) recover(event time.Time) {
	t := m.bed.t
	t.Helper()
	testbed.Pause(t, time.Until(event.Add(minWatch)))
	for !m.steady(event) && time.Since(event) < maxWatch {
		testbed.Pause(t, 20*time.Millisecond)
	}
}

// steady reports whether all connections have been alive for a while. It ignores a TCP connection that broke.
func (m *measurement) steady(event time.Time) bool {
	now := time.Now().Round(0)
	for _, k := range []*traffic.Trial{m.udp, m.udp5, m.tcp} {
		heard, broken := k.Heard()
		since := traffic.Flowing(heard, now, flowing)
		if broken == nil && (since.IsZero() || now.Sub(since) < steady) {
			return false
		}
	}
	return now.Sub(event) >= minWatch
}

// forwarded returns which router forwarded the packets of the tickers, as seen at both ends.
func (m *measurement) forwarded() ([]tracer.Forwarded, error) {
	atServer, err1 := m.server.Packets()
	atClient, err2 := m.client.Packets()
	routers := map[tracer.Station]string{}
	for _, r := range m.bed.routers() {
		routers[r.lan], routers[r.wan] = r.name, r.name
	}
	return tracer.By(routers, without(atServer, portProbe), without(atClient, portProbe)), errors.Join(err1, err2)
}

func without(packets []tracer.Packet, port uint16) []tracer.Packet {
	var rest []tracer.Packet
	for _, p := range packets {
		if p.DstPort != port && p.SrcPort != port {
			rest = append(rest, p)
		}
	}
	return rest
}

// probes returns which router forwarded the probes, as seen at the server.
func (m *measurement) probes() ([]tracer.Forwarded, error) {
	atServer, err := m.server.Packets()
	var probes []tracer.Packet
	for _, p := range atServer {
		if p.DstPort == portProbe {
			probes = append(probes, p)
		}
	}
	routers := map[tracer.Station]string{}
	for _, r := range m.bed.routers() {
		routers[r.wan] = r.name
	}
	return tracer.By(routers, probes), err
}

// conclude fills the sample with the figures from an event until now.
func (m *measurement) conclude(event time.Time) {
	t, s := m.bed.t, m.sample
	t.Helper()
	event = event.Round(0)
	now := time.Now().Round(0)
	s.UDP, s.UDP5, s.TCP = longest(m.udp, event, now), longest(m.udp5, event, now), longest(m.tcp, event, now)
	heard, _ := m.udp.Heard()
	s.Missing = traffic.Missing(heard, event)
	s.Lost = nil
	for name, k := range map[string]*traffic.Trial{"UDP": m.udp, "UDP5": m.udp5, "TCP": m.tcp} {
		heard, broken := k.Heard()
		if broken != nil || traffic.Flowing(heard, now, flowing).IsZero() {
			s.Lost = append(s.Lost, name)
		}
	}
	forwarded, err := m.forwarded()
	if err != nil {
		t.Fatalf("Reading recorded packets: %v", err)
	}
	verdict := tracer.FindTakeovers(forwarded, tracer.InFlight)
	s.Changes, s.Late, s.Overlap = len(verdict.Changes), verdict.Late, Milliseconds(verdict.Overlap)
	s.Resets, s.Report = m.resets(), m.system.report()
	if m.prober == nil {
		return
	}
	probes, err := m.probes()
	if _, sent := m.prober.Sent(); errors.Join(err, sent) != nil {
		t.Fatalf("Reading recorded probes: %v", errors.Join(err, sent))
	}
	begun := tracer.FirstBy(forwarded, m.bed.secondary.name)
	last := tracer.LastBy(probes, m.bed.primary.name)
	if !begun.IsZero() && last.Sub(begun) > tracer.InFlight {
		s.Stale = Milliseconds(last.Sub(begun))
	}
}

// resets returns the number of TCP resets, as seen at both ends.
func (m *measurement) resets() int {
	count := 0
	for _, w := range []*tracer.Recording{m.client, m.server} {
		packets, _ := w.Packets()
		for _, p := range packets {
			if p.Protocol == unix.IPPROTO_TCP && p.Reset {
				count++
			}
		}
	}
	return count
}
