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
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/all"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// setupVariable is the environment variable with the setup of a unit's process. A test binary that finds it runs as
// that process, without tests.
const setupVariable = "HAPAIR_TESTBED_UNIT"

// Main runs the tests of a package that uses units, as its TestMain. The test binary is also the program of each unit's
// process, so that the whole process is inside the unit's network namespace.
func Main(m *testing.M) {
	Serve()
	os.Exit(m.Run())
}

// Serve runs the unit and exits, if this is a unit's process. Otherwise it returns. A program that creates pairs calls
// it first.
func Serve() {
	serveFirewall()
	serveConnections()
	serveVPN()
	serveRouting()
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
	// An interrupt at a terminal reaches the units too, but the test must end them.
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
	return errors.Join(err, checkLeaks())
}

// process is a unit that takes no decisions: its replication, heartbeats and virtual addresses follow the orders of the
// test.
type process struct {
	engine     *engine.Engine
	heartbeats *heartbeats
	addresses  *addresses.Addresses
	classes    *connectioncache.ConnectionCache
	own        *own.Addresses // nil if no connections are replicated
	providers  *server.Server // nil without a local API
	objects    nftables.Kernel
	gate       *gate.Gate       // nil without a gate
	plane      *dataplane.Plane // nil without a data plane
	opened     []class.Class    // those of factories
	flood      *flood
	log        logr.Logger

	mu  sync.Mutex
	out *json.Encoder
}

func newProcess(s setup, log logr.Logger) (*process, error) {
	p := &process{log: log, flood: newFlood(s.Flood), objects: nftables.Open(), out: json.NewEncoder(os.Stdout)}
	networks := []addresses.Network{
		{Interface: "lan0", Addresses: []netip.Prefix{testbed.VirtualLAN, testbed.VirtualLANIPv6}},
		{Interface: "wan0", Addresses: []netip.Prefix{testbed.VirtualWAN, testbed.VirtualWANIPv6}},
	}
	if s.LinkLocal {
		networks[0].Addresses = append(networks[0].Addresses, testbed.VirtualLinkLocal)
	}
	if s.SecondWAN {
		networks = append(networks, addresses.Network{
			Interface: "wan1", Addresses: []netip.Prefix{testbed.VirtualOtherWAN, testbed.VirtualOtherWANIPv6},
		})
	}
	provided := table.NewSet(state.Classes(), clock.Boot)
	classes, err := p.newClasses(s, networks, provided)
	if err != nil {
		return nil, err
	}
	p.engine, err = engine.New(engine.Config{
		Pair: pairName, Namespace: pairNamespace, Unit: s.Unit, Peer: s.Peer, Incarnation: s.Incarnation,
		ListenAddress: s.ListenAddress, PeerPort: syncPort,
		TLS:     transport.Credentials(s.TLSDirectory, credentials.UnitName(s.Peer, pairName, pairNamespace)),
		Classes: classes, Own: p.own, Log: log, AuditInterval: s.AuditInterval,
		Limits: engine.Limits{RecordsPerSecond: s.RecordsPerSecond, BytesPerSecond: s.BytesPerSecond},
	})
	if err != nil {
		return nil, err
	}
	if s.ProvidersDirectory != "" {
		if p.providers, err = newProviders(s, provided, p.objects, p.engine, log); err != nil {
			return nil, err
		}
	}
	p.engine.SetPeer(netip.MustParseAddr(s.PeerAddress))
	if p.heartbeats, err = newHeartbeats(log); err != nil {
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
	if s.Gate {
		if p.gate, err = newGate(networks, kernel, log); err != nil {
			return nil, err
		}
	}
	if s.SecondWAN {
		p.plane = newPlane(networks, kernel, log)
	}
	p.addresses = addresses.New(addresses.Options{Networks: networks, Kernel: kernel, Wire: wire, Log: log})
	return p, nil
}

// newPlane returns the data plane of a unit with the default firewall.
func newPlane(networks []addresses.Network, kernel *rtnetlink.Conn, log logr.Logger) *dataplane.Plane {
	o := dataplane.Options{
		Required: []uint32{contract.DataPlaneMark}, DynamicRouting: true, Kernel: kernel, Log: log,
	}
	for _, n := range networks {
		o.Networks = append(o.Networks, dataplane.Network{Interface: n.Interface, Addresses: n.Addresses})
	}
	return dataplane.New(o)
}

// newClasses returns the classes that the unit replicates, and sets those that are not of package table.
func (p *process) newClasses(s setup, networks []addresses.Network, provided *table.Set) ([]class.Class, error) {
	var factories []class.Factory
	var classes []class.Class
	switch {
	case s.Flood > 0:
		classes = append(classes, p.flood.class())
	case s.Replicate:
		if err := p.followConnections(s, networks); err != nil {
			return nil, err
		}
		classes = append(classes, p.classes.Class())
	}
	for _, factory := range all.Factories(configuration.New(), &table.Set{}, nil) {
		if slices.Contains(s.Replicated, factory.ID) {
			factories = append(factories, factory)
		}
	}
	if s.ProvidersDirectory != "" && !s.WithoutProvided {
		factories = append(factories, provided.Factories()...)
	}
	for _, factory := range factories {
		c, err := factory.New(class.Options{Own: p.own, Interfaces: interfacesOf(networks), HasTunnels: s.HasTunnels})
		if err != nil {
			return nil, err
		}
		classes = append(classes, c)
		p.opened = append(p.opened, c)
	}
	if s.Recording == "" {
		return classes, nil
	}
	for i := range classes {
		var err error
		if classes[i], err = recorded(classes[i], s.Recording); err != nil {
			return nil, err
		}
	}
	return classes, nil
}

// followConnections sets the unit's own addresses and the class of its connections.
func (p *process) followConnections(s setup, networks []addresses.Network) (err error) {
	var virtual []netip.Addr
	for _, n := range networks {
		for _, a := range n.Addresses {
			virtual = append(virtual, a.Addr())
		}
	}
	p.own = own.New(own.Config{Virtual: virtual, Read: own.OfInterfaces, Follow: rtnetlink.FollowAddresses})
	p.classes, err = connectioncache.New(connectioncache.Config{Own: p.own, Replicated: s.Replicated})
	return err
}

// run follows orders until its input ends, which it does with the test in any case.
func (p *process) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var ran, beat error
	running.Go(func() { ran = p.engine.Run(ctx) })
	running.Go(func() { beat = p.heartbeats.link.Run(ctx, p.heartbeats.received) })
	running.Go(func() { p.reportEvents(ctx) })
	if p.providers != nil {
		running.Go(func() { p.providers.Run(ctx) })
	}
	if p.plane != nil {
		running.Go(func() { p.plane.Run(ctx, func(error) {}) })
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return fmt.Errorf("reading order: %w", err)
		}
		running.Go(func() { p.report(p.follow(ctx, o)) })
	}
	cancel()
	running.Wait()
	p.addresses.Close()
	for _, c := range p.opened {
		if c.Close != nil {
			beat = errors.Join(beat, c.Close())
		}
	}
	if p.gate != nil {
		beat = errors.Join(beat, p.gate.Close())
	}
	if errors.Is(in.Err(), io.EOF) || in.Err() == nil {
		return errors.Join(ran, beat, p.heartbeats.link.Close(), p.objects.Close())
	}
	return in.Err()
}

// checkLeaks returns an error if a goroutine still runs.
func checkLeaks() error {
	if err := goleak.Find(); err != nil {
		return fmt.Errorf("replication has ended and left goroutines behind: %w", err)
	}
	return nil
}

func (p *process) report(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(r) // an error means that the test has ended
}

func (p *process) reportEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-p.engine.Events():
			if connected, ok := e.(engine.PeerConnected); ok {
				p.heartbeats.connected(connected)
			}
			p.report(report{Event: strings.TrimPrefix(fmt.Sprintf("%T", e), "engine."), Text: fmt.Sprintf("%+v", e)})
		}
	}
}

func (p *process) follow(ctx context.Context, o order) report {
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
		if p.providers != nil {
			p.providers.Become(shownRole(o.Role), o.Term)
		}
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
	case doSendHeartbeats:
		beats := p.heartbeats.send(ctx, o.Interval, o.Count)
		r.Sent = &beats
		return nil
	case doTakeReceived:
		heard := p.heartbeats.takeReceived()
		r.Received = &heard
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
		return p.attach(ctx)
	case doWithdraw:
		return errors.Join(p.closeGate(ctx), setForwarding(false), p.addresses.Set(ctx, addresses.Config{}))
	default:
		return fmt.Errorf("unknown order %q", o.Do)
	}
}

// attach opens the router and adds the virtual addresses in the order of a promotion.
func (p *process) attach(ctx context.Context) error {
	return errors.Join(
		setForwarding(true), p.openGate(ctx), p.addresses.Set(ctx, addresses.Config{Attached: true}),
		p.addresses.Announce(ctx),
	)
}

func interfacesOf(networks []addresses.Network) (names []string) {
	for _, n := range networks {
		names = append(names, n.Interface)
	}
	return names
}

// setForwarding enables or disables forwarding.
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
