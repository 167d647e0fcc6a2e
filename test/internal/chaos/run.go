package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
)

const (
	// Ports of the server, and the source port of the probes.
	streamPort     = 7100
	connectionPort = 7200
	probePort      = 7101
	// streamInterval and probeInterval bound how exactly gaps and overlaps are measured.
	streamInterval = time.Millisecond
	probeInterval  = 2 * time.Millisecond
	// pollInterval is the pause between two checks of a condition.
	pollInterval = 10 * time.Millisecond
	// startTimeout bounds the time until all traffic flows.
	startTimeout = 30 * time.Second
)

// Traffic is what is sent through the pair besides the stream and the probes.
type Traffic struct {
	// Connections is the number of TCP connections. Tick is the pollInterval between the numbers on each.
	Connections int
	Tick        time.Duration
}

// DefaultTraffic shows what happens to connections and leaves most processor time to the system under test.
var DefaultTraffic = Traffic{Connections: 8, Tick: 20 * time.Millisecond}

// Run is traffic that flows through a pair, together with its observers.
type Run struct {
	setup   scenario.Setup
	traffic Traffic
	title   string
	cancel  context.CancelFunc
	begun   time.Time

	tracer  *tracer.Tracer
	stream  *tracer.Stream
	prober  *tracer.Prober
	server  *traffic.Server
	clients []*traffic.Counter
	lease   *leaseWatcher
	units   *unitWatcher

	mu    sync.Mutex
	marks []Mark
	// since is when the measurement of gaps began.
	since time.Time
}

// Mark is an event of a run, for the report.
type Mark struct {
	At   time.Time
	What string
}

// Begin starts traffic through the pair of a setup and returns when all of it flows. End stops it. If the context ends,
// call Close.
func Begin(ctx context.Context, setup scenario.Setup, title string, traffic Traffic) (*Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{setup: setup, traffic: traffic, title: title, cancel: cancel}
	if err := r.begin(ctx); err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: starting traffic: %w", title, err)
	}
	return r, nil
}

func (r *Run) begin(ctx context.Context) error {
	var err error
	// The first holder is recorded before the first packet.
	if r.lease, err = watchLease(ctx, r.setup); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.listen, r.send, r.connect, r.awaitFlow} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.begun = time.Now()
	r.resetMeasurement()
	return nil
}

func (r *Run) listen(ctx context.Context) error {
	var err error
	r.tracer, err = tracer.Listen(ctx, tracer.Config{
		Namespace: r.setup.WANNamespace, Interface: "eth0", UDP: streamPort, TCP: connectionPort,
	})
	if err != nil {
		return err
	}
	r.server, err = traffic.Serve(ctx, traffic.TCP, r.setup.ServerNamespace, r.serverAt(connectionPort))
	return err
}

// send starts the stream, and the probes for the units that exist.
func (r *Run) send(ctx context.Context) error {
	var err error
	r.stream, err = tracer.Send(ctx, r.setup.ClientNamespace, r.serverAt(streamPort), streamInterval)
	if err != nil {
		return err
	}
	from, err := addressOf(r.setup.LANNamespace, "eth0", r.setup.Server.Addr().Is4())
	if err != nil {
		return err
	}
	r.prober, err = tracer.Probe(ctx, r.setup.LANNamespace, "eth0", netip.AddrPortFrom(from, probePort),
		r.serverAt(streamPort), probeInterval)
	if err != nil {
		return err
	}
	r.units, err = watchUnits(ctx, r.setup, r.prober)
	return err
}

func (r *Run) connect(ctx context.Context) error {
	for range r.traffic.Connections {
		client, err := traffic.Connect(
			ctx, traffic.TCP, r.setup.ClientNamespace, r.serverAt(connectionPort), r.traffic.Tick)
		if err != nil {
			return fmt.Errorf("connecting through the pair: %w", err)
		}
		r.clients = append(r.clients, client)
	}
	return nil
}

// awaitFlow waits until the stream, every connection and the probes get through. Probes that never get through could
// not reveal an open gate either.
func (r *Run) awaitFlow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return poll.Until(ctx, pollInterval, "all traffic to flow", func(context.Context) error {
		seen, err := r.tracer.Observations()
		if err != nil {
			return err
		}
		if seen.Stream.Received < 200 || seen.Probes < 20 {
			return fmt.Errorf("%d packets and %d probes got through", seen.Stream.Received, seen.Probes)
		}
		for _, c := range r.clients {
			if heard := r.reportOf(c); heard.Err != nil || heard.Ticks < 10 {
				return fmt.Errorf("a connection received %d numbers: %w", heard.Ticks, heard.Err)
			}
		}
		return nil
	})
}

// Mark records an event at the current time.
func (r *Run) Mark(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = append(r.marks, Mark{At: time.Now(), What: fmt.Sprintf(format, args...)})
}

// Inject discards the gaps so far, records what is done, and does it.
func (r *Run) Inject(what string, do func() error) error {
	r.resetMeasurement()
	r.Mark("%s", what)
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (r *Run) resetMeasurement() {
	r.tracer.Reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Now()
}

// reportOf returns what a client has recorded, with the longest silence since the last Inject.
func (r *Run) reportOf(c *traffic.Counter) traffic.Report {
	r.mu.Lock()
	since := r.since
	r.mu.Unlock()
	return c.Report(since)
}

// Forwarder returns the unit that forwarded the newest packet, and how long ago that was.
func (r *Run) Forwarder() (unit string, ago time.Duration) {
	station, at, ok := r.tracer.Forwarder()
	if !ok {
		return "", time.Since(r.begun)
	}
	unit, _ = r.units.unitOf(station)
	return unit, time.Since(at)
}

// Gap returns the longest gap of the stream since the last Inject.
func (r *Run) Gap() (time.Duration, error) {
	seen, err := r.tracer.Observations()
	return seen.Stream.Longest.Length, err
}

// GapWhileSent returns the longest gap of the stream since the last Inject, without the time in which its sender stood
// still.
func (r *Run) GapWhileSent() (time.Duration, error) {
	seen, err := r.tracer.Observations()
	return seen.Stream.GapWhileSent(streamInterval), err
}

// Silence returns the longest silence on any connection since the last Inject.
func (r *Run) Silence() time.Duration {
	longest := time.Duration(0)
	for _, c := range r.clients {
		longest = max(longest, r.reportOf(c).Longest.Length)
	}
	return longest
}

// Terms returns how often the Lease has changed hands so far.
func (r *Run) Terms() int64 { return terms(r.lease.list()) }

// AwaitForwarder waits until a unit forwards.
func (r *Run) AwaitForwarder(ctx context.Context, unit string) error {
	return poll.Until(ctx, pollInterval, "unit "+unit+" to forward", func(context.Context) error {
		if now, ago := r.Forwarder(); now != unit || ago > maxPause {
			return fmt.Errorf("the last packet came from %q %s ago", now, ago.Round(time.Millisecond))
		}
		return nil
	})
}

// maxPause is the longest silence of traffic that counts as maxPause.
const maxPause = 200 * time.Millisecond

// AwaitSteady waits until the stream has flowed for the given time, through either unit.
func (r *Run) AwaitSteady(ctx context.Context, while time.Duration) error {
	since := time.Now()
	return poll.Until(ctx, pollInterval, "traffic to flow for "+while.String(), func(context.Context) error {
		if _, ago := r.Forwarder(); ago > maxPause {
			since = time.Now()
			return fmt.Errorf("no packet for %s", ago.Round(time.Millisecond))
		}
		if time.Since(since) < while {
			return errors.New("the traffic has only just begun to flow")
		}
		return nil
	})
}

// Close ends all traffic without a report.
func (r *Run) Close() {
	r.cancel()
	for _, c := range r.clients {
		c.Wait()
	}
	if r.server != nil {
		r.server.Wait()
	}
	if r.prober != nil {
		r.prober.Wait()
	}
	if r.stream != nil {
		r.stream.Wait()
	}
	if r.tracer != nil {
		r.tracer.Wait()
	}
	if r.units != nil {
		r.units.wait()
	}
	if r.lease != nil {
		r.lease.wait()
	}
}

func (r *Run) serverAt(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(r.setup.Server.Addr(), port)
}

// addressOf returns a host's own address on an interface.
func addressOf(path, ifname string, v4 bool) (netip.Addr, error) {
	var addresses []net.Addr
	err := namespace.Do(path, func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		addresses, err = ifi.Addrs()
		return err
	})
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reading the addresses of %s: %w", ifname, err)
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() == v4 && !prefix.Addr().IsLinkLocalUnicast() {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("interface %s has no address of that family", ifname)
}
