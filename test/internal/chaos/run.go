package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/story"
	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
)

const (
	// Ports of the server, and the one that probes come from.
	streamPort     = 7100
	connectionPort = 7200
	probePort      = 7101
	// streamInterval and probeInterval bound how exactly gaps and overlaps are seen.
	streamInterval = time.Millisecond
	probeInterval  = 2 * time.Millisecond
	// interval is how often is looked for what nobody announces.
	interval = 10 * time.Millisecond
	// beginning bounds the time until all traffic flows.
	beginning = 30 * time.Second
)

// Traffic is what is sent through the pair besides the stream and the probes.
type Traffic struct {
	// Connections are how many there are over TCP, and Tick is the pace of each.
	Connections int
	Tick        time.Duration
}

// Usual is traffic that shows what becomes of connections, and leaves the processors to what is watched.
var Usual = Traffic{Connections: 8, Tick: 20 * time.Millisecond}

// Run is traffic that flows through a pair, and everyone who watches it.
type Run struct {
	stage   story.Stage
	traffic Traffic
	title   string
	cancel  context.CancelFunc
	begun   time.Time

	tracer  *tracer.Tracer
	stream  *tracer.Stream
	prober  *tracer.Prober
	server  *traffic.Server
	clients []*traffic.Counter
	holders *holders
	units   *units

	mu    sync.Mutex
	marks []Mark
	// since is when the measurement of gaps began.
	since time.Time
}

// Mark is something that was done during a run.
type Mark struct {
	At   time.Time
	What string
}

// Begin starts traffic through the pair of a stage and returns when all of it flows. End ends it; so does the end of
// the context, after which Close must still be called.
func Begin(ctx context.Context, stage story.Stage, title string, traffic Traffic) (*Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{stage: stage, traffic: traffic, title: title, cancel: cancel}
	if err := r.begin(ctx); err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: starting traffic: %w", title, err)
	}
	return r, nil
}

func (r *Run) begin(ctx context.Context) error {
	var err error
	// The first turn is noted before the first packet is.
	if r.holders, err = followHolders(ctx, r.stage); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.listen, r.send, r.connect, r.awaitFlow} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.begun = time.Now()
	r.forget()
	return nil
}

func (r *Run) listen(ctx context.Context) error {
	var err error
	r.tracer, err = tracer.Listen(ctx, tracer.Place{
		Namespace: r.stage.ServerNamespace, Interface: "eth0", UDP: streamPort, TCP: connectionPort,
	})
	if err != nil {
		return err
	}
	r.server, err = traffic.Serve(ctx, traffic.TCP, r.stage.ServerNamespace, r.serverAt(connectionPort))
	return err
}

// send starts the stream, and the probes for whichever units there are.
func (r *Run) send(ctx context.Context) error {
	var err error
	r.stream, err = tracer.Send(ctx, r.stage.ClientNamespace, r.serverAt(streamPort), streamInterval)
	if err != nil {
		return err
	}
	from, err := addressOf(r.stage.ClientNamespace, "eth0", r.stage.Server.Addr().Is4())
	if err != nil {
		return err
	}
	r.prober, err = tracer.Probe(ctx, r.stage.ClientNamespace, "eth0", netip.AddrPortFrom(from, probePort),
		r.serverAt(streamPort), probeInterval)
	if err != nil {
		return err
	}
	r.units, err = followUnits(ctx, r.stage, r.prober)
	return err
}

func (r *Run) connect(ctx context.Context) error {
	for range r.traffic.Connections {
		client, err := traffic.Connect(
			ctx, traffic.TCP, r.stage.ClientNamespace, r.serverAt(connectionPort), r.traffic.Tick)
		if err != nil {
			return fmt.Errorf("connecting through the pair: %w", err)
		}
		r.clients = append(r.clients, client)
	}
	return nil
}

// awaitFlow waits until the stream, every connection and the probes get through: a probe that never does would not show
// an open gate either.
func (r *Run) awaitFlow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beginning)
	defer cancel()
	return poll.Until(ctx, interval, "all traffic to flow", func(context.Context) error {
		seen, err := r.tracer.Sightings()
		if err != nil {
			return err
		}
		if seen.Stream.Received < 200 || seen.Probes < 20 {
			return fmt.Errorf("%d packets and %d probes got through", seen.Stream.Received, seen.Probes)
		}
		for _, c := range r.clients {
			if heard := r.heard(c); heard.Err != nil || heard.Ticks < 10 {
				return fmt.Errorf("a connection heard %d numbers: %w", heard.Ticks, heard.Err)
			}
		}
		return nil
	})
}

// Mark notes that something is done now.
func (r *Run) Mark(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = append(r.marks, Mark{At: time.Now(), What: fmt.Sprintf(format, args...)})
}

// Inflict forgets all gaps so far, notes what is done, and does it.
func (r *Run) Inflict(what string, do func() error) error {
	r.forget()
	r.Mark("%s", what)
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (r *Run) forget() {
	r.tracer.Forget()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = time.Now()
}

// heard returns what a client has recorded, with the longest silence since the last Inflict.
func (r *Run) heard(c *traffic.Counter) traffic.Report {
	r.mu.Lock()
	since := r.since
	r.mu.Unlock()
	return c.Report(since)
}

// Forwarder is the unit whose packet came last, and how long ago.
func (r *Run) Forwarder() (unit string, ago time.Duration) {
	station, at, ok := r.tracer.Forwarder()
	if !ok {
		return "", time.Since(r.begun)
	}
	unit, _ = r.units.name(station)
	return unit, time.Since(at)
}

// Gap is the longest gap of the stream since the last Inflict.
func (r *Run) Gap() (time.Duration, error) {
	seen, err := r.tracer.Sightings()
	return seen.Stream.Longest.Length, err
}

// Silence is the longest silence on any connection since the last Inflict.
func (r *Run) Silence() time.Duration {
	longest := time.Duration(0)
	for _, c := range r.clients {
		longest = max(longest, r.heard(c).Longest.Length)
	}
	return longest
}

// Terms is how often the Lease has changed hands so far.
func (r *Run) Terms() int64 { return terms(r.holders.all()) }

// AwaitForwarder waits until a unit forwards.
func (r *Run) AwaitForwarder(ctx context.Context, unit string) error {
	return poll.Until(ctx, interval, "unit "+unit+" to forward", func(context.Context) error {
		if now, ago := r.Forwarder(); now != unit || ago > flowing {
			return fmt.Errorf("the last packet came from %q %s ago", now, ago.Round(time.Millisecond))
		}
		return nil
	})
}

// flowing is the longest silence of traffic that flows.
const flowing = 200 * time.Millisecond

// AwaitSteady waits until the stream has flowed for a while, whoever forwards it.
func (r *Run) AwaitSteady(ctx context.Context, while time.Duration) error {
	since := time.Now()
	return poll.Until(ctx, interval, "traffic to flow for "+while.String(), func(context.Context) error {
		if _, ago := r.Forwarder(); ago > flowing {
			since = time.Now()
			return fmt.Errorf("no packet for %s", ago.Round(time.Millisecond))
		}
		if time.Since(since) < while {
			return errors.New("it has only begun to flow")
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
	if r.holders != nil {
		r.holders.wait()
	}
}

func (r *Run) serverAt(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(r.stage.Server.Addr(), port)
}

// addressOf is a host's own address on an interface.
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
	return netip.Addr{}, fmt.Errorf("interface %s has no address for it", ifname)
}
