package pair

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/test/testbed"
)

// setupVariable has the setup of a unit's process. A test binary that finds it is that process, and runs no test.
const setupVariable = "HAPAIR_TESTBED_UNIT"

// Main is the TestMain of a package that uses units: its test binary is also the program that each unit's process runs,
// so that the process is wholly inside of the unit's network namespace.
func Main(m *testing.M) {
	Serve()
	os.Exit(m.Run())
}

// Serve is what any other program begins with that makes pairs, for it is also the program of their units. In a unit's
// process it does not return.
func Serve() {
	text, ok := os.LookupEnv(setupVariable)
	if !ok {
		return
	}
	if err := runUnit(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runUnit(text string) error {
	heartbeat.ReserveProcessor()
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("reading setup: %w", err)
	}
	// Who interrupts a test at a terminal interrupts its units too; but it is the test that ends them.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := funcr.New(func(prefix, args string) { fmt.Fprintln(os.Stderr, prefix, args) }, funcr.Options{})
	p, err := newProcess(s, log.WithName(s.Unit))
	if err != nil {
		return err
	}
	err = p.run(ctx)
	stop()
	return errors.Join(err, leftRunning())
}

// process is a unit without its judgement: replication, heartbeats and virtual addresses, which do what the test says.
type process struct {
	engine    *engine.Engine
	heart     *heart
	addresses *addresses.Addresses
	classes   *connectioncache.ConnectionCache
	flood     *flood
	log       logr.Logger

	mu  sync.Mutex
	out *json.Encoder
}

func newProcess(s setup, log logr.Logger) (*process, error) {
	p := &process{log: log, flood: newFlood(s.Flood), out: json.NewEncoder(os.Stdout)}
	networks := []addresses.Network{
		{Interface: "lan0", Addresses: []netip.Prefix{testbed.VirtualLAN, testbed.VirtualLANIPv6}},
		{Interface: "wan0", Addresses: []netip.Prefix{testbed.VirtualWAN, testbed.VirtualWANIPv6}},
	}
	var classes []class.Class
	switch {
	case s.Flood > 0:
		classes = append(classes, p.flood.class())
	case s.Replicate:
		var virtual []netip.Addr
		for _, n := range networks {
			for _, a := range n.Addresses {
				virtual = append(virtual, a.Addr())
			}
		}
		var err error
		if p.classes, err = connectioncache.New(connectioncache.Config{VirtualAddresses: virtual}); err != nil {
			return nil, err
		}
		classes = append(classes, p.classes.Class())
	}
	var err error
	p.engine, err = engine.New(engine.Config{
		Pair: pairName, Namespace: pairNamespace, Unit: s.Unit, Peer: s.Peer, Incarnation: s.Incarnation,
		ListenAddress: s.ListenAddress, PeerPort: syncPort,
		TLS:     transport.Credentials(s.TLSDirectory, credentials.UnitName(s.Peer, pairName, pairNamespace)),
		Classes: classes, Log: log,
		Limits: engine.Limits{RecordsPerSecond: s.RecordsPerSecond, BytesPerSecond: s.BytesPerSecond},
	})
	if err != nil {
		return nil, err
	}
	p.engine.SetPeer(netip.MustParseAddr(s.PeerAddress))
	if p.heart, err = newHeart(log); err != nil {
		return nil, err
	}
	kernel, err := rtnetlink.Dial()
	if err != nil {
		return nil, err
	}
	wire, err := addresses.OpenEthernet()
	if err != nil {
		return nil, err
	}
	p.addresses = addresses.New(addresses.Options{Networks: networks, Kernel: kernel, Wire: wire, Log: log})
	return p, nil
}

// run obeys until its input ends: when the test does, however it does.
func (p *process) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var ran, beat error
	running.Go(func() { ran = p.engine.Run(ctx) })
	running.Go(func() { beat = p.heart.link.Run(ctx, p.heart.received) })
	running.Go(func() { p.tellEvents(ctx) })
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return fmt.Errorf("reading order: %w", err)
		}
		running.Go(func() { p.tell(p.obey(ctx, o)) })
	}
	cancel()
	running.Wait()
	p.addresses.Close()
	if errors.Is(in.Err(), io.EOF) || in.Err() == nil {
		return errors.Join(ran, beat, p.heart.link.Close())
	}
	return in.Err()
}

// leftRunning fails when something runs that nobody waited for.
func leftRunning() error {
	if err := goleak.Find(); err != nil {
		return fmt.Errorf("replication has ended, and not all that it started: %w", err)
	}
	return nil
}

func (p *process) tell(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(r) // a test that no longer reads has ended
}

func (p *process) tellEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-p.engine.Events():
			if connected, ok := e.(engine.PeerConnected); ok {
				p.heart.converse(connected)
			}
			p.tell(report{Event: strings.TrimPrefix(fmt.Sprintf("%T", e), "engine."), Text: fmt.Sprintf("%+v", e)})
		}
	}
}

func (p *process) obey(ctx context.Context, o order) report {
	r := report{ID: o.ID}
	if o.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Wait)
		defer cancel()
	}
	if err := p.do(ctx, o, &r); err != nil {
		r.Error = err.Error()
	}
	return r
}

func (p *process) do(ctx context.Context, o order, r *report) error {
	switch o.Do {
	case doBecome:
		p.engine.Become(o.Role, o.Term)
		return nil
	case doFlush:
		return p.engine.Flush(ctx)
	case doCommit:
		return p.engine.Commit(ctx)
	case doRelinquish:
		return p.engine.Relinquish(ctx, o.Term, 0)
	case doStatus:
		status := p.engine.Status()
		r.Status = &status
		return nil
	case doBeat:
		beats := p.heart.beat(ctx, o.Interval, o.Count)
		r.Beats = &beats
		return nil
	case doHear:
		heard := p.heart.hear()
		r.Heard = &heard
		return nil
	case doFlood:
		p.flood.set(o.Open)
		r.Flood = p.flood.written.Load()
		return nil
	case doMeasure:
		found, err := footprint()
		r.Footprint = &found
		return err
	case doAttach:
		return errors.Join(setForwarding(true),
			p.addresses.Set(ctx, addresses.Config{Attached: true}), p.addresses.Announce(ctx))
	case doWithdraw:
		return errors.Join(setForwarding(false), p.addresses.Set(ctx, addresses.Config{}))
	default:
		return fmt.Errorf("unknown order %q", o.Do)
	}
}

// setForwarding opens or closes the router.
func setForwarding(open bool) error {
	value := "0"
	if open {
		value = "1"
	}
	var errs []error
	for _, name := range []string{"ipv4/conf/lan0/forwarding", "ipv4/conf/wan0/forwarding", "ipv6/conf/all/forwarding"} {
		errs = append(errs, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
	}
	return errors.Join(errs...)
}
