package edge

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	googlenft "github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/firewall"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/enforcement"
	"github.com/hapair-io/hapair/internal/firewall/parts"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/firewall/resolver"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	lanAddress, clientAddress = "192.168.50.2", "192.168.50.9"
	wanAddress, serverAddress = "203.0.113.2", "203.0.113.9"
	policies                  = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
		`"zones":[{"name":"lan","interfaces":["lan"]},{"name":"wan","interfaces":["wan"]}],` +
		`"policies":[{"name":"out","from":["lan"],"to":["wan"],"action":"Accept"}]}}`
	// streamInterval is the time between two datagrams.
	streamInterval = 500 * time.Microsecond
)

// edge is an active unit between a client and a server, with the firewall and the parts of the sidecar that stop and
// open it. They run in this process and in its network namespace.
type edge struct {
	unit
	kernel nftables.Kernel
	want   ruleset.Ruleset
	stream *stream
}

// newEdge starts the unit.
func newEdge(t testing.TB, withoutBPF bool) *edge {
	t.Helper()
	e := &edge{unit: unit{t: t}, kernel: nftables.Open()}
	t.Cleanup(func() { e.check(e.kernel.Close()) })
	client, server := testbed.NewNamespace(t, "client"), testbed.NewNamespace(t, "server")
	e.wire("lan", lanAddress, client)
	e.wire("wan", wanAddress, server)
	client.Link(t, "far").Address(clientAddress + "/24").Route(lanAddress)
	server.Link(t, "far").Address(serverAddress + "/24").Route(wanAddress)
	parsed, err := document.Parse([]byte(policies))
	e.check(err)
	e.want = plan.Compile(parsed)
	e.want.Document = document.Hash([]byte(policies))
	e.start(withoutBPF)
	e.stream = newStream(t, client, server)
	return e
}

// wire connects an interface of the unit with a namespace.
func (e *edge) wire(name, address string, to *testbed.Namespace) {
	e.t.Helper()
	var link netlink.Link = &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "far-" + name}
	e.check(netlink.LinkAdd(link))
	e.t.Cleanup(func() { e.check(netlink.LinkDel(link)) })
	to.Adopt(e.t, "far-"+name, "far")
	link, err := netlink.LinkByName(name)
	e.check(err)
	prefix := &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(24, 32)}
	e.check(netlink.AddrAdd(link, &netlink.Addr{IPNet: prefix}))
	e.check(netlink.LinkSetUp(link))
}

// start starts the parts of the unit and opens its gate.
func (e *edge) start(withoutBPF bool) {
	e.t.Helper()
	kernel, err := rtnetlink.Dial()
	e.check(err)
	e.t.Cleanup(func() { e.check(kernel.Close()) })
	g, err := gate.New(gate.Options{
		Interfaces: []string{"lan", "wan"}, Kernel: kernel, Now: clock.Boot, Log: logr.Discard(), WithoutBPF: withoutBPF,
	})
	e.check(err)
	e.t.Cleanup(func() { e.check(g.Close()) })
	required := []uint32{contract.DataPlaneMark}
	if g.Fence() == contract.FenceNFTables {
		required = append(required, contract.GateMark)
	}
	plane := dataplane.New(dataplane.Options{
		Networks: []dataplane.Network{
			{Interface: "lan", Addresses: []netip.Prefix{netip.MustParsePrefix(lanAddress + "/24")}},
			{Interface: "wan", Addresses: []netip.Prefix{netip.MustParsePrefix(wanAddress + "/24")}},
		},
		Required: required, Kernel: kernel, Log: logr.Discard(),
	})
	e.check(plane.Set())
	directory, err := os.MkdirTemp("", "hapair-bench-edge-")
	e.check(err)
	e.t.Cleanup(func() { e.check(os.RemoveAll(directory)) })
	file := filepath.Join(directory, "firewall.json")
	e.check(os.WriteFile(file, []byte(policies), 0o600))
	rules := nftables.Open()
	checker := enforcement.New(enforcement.Config{
		Kernel: rules, AcceptedFile: filepath.Join(directory, "accepted.json"), Log: logr.Discard(),
	})
	checker.Expect([]byte(policies))
	enforcing := nftables.Open()
	config := firewall.Config{
		ConfigFile: file, StatusFile: filepath.Join(directory, "status.json"), ControlInterfaces: []string{"lo"},
		Kernel: enforcing, Log: logr.Discard(),
	}
	parts.Add(&config, kernel, resolver.Config{IsActive: func(context.Context) bool { return false }})
	fw := firewall.New(config)
	e.t.Cleanup(func() { e.check(errors.Join(rules.Close(), enforcing.Close())) })
	e.keep(
		func(ctx context.Context) { _ = fw.Run(ctx) }, // If it fails, no datagram passes.
		func(ctx context.Context) { g.Run(ctx, func(error) {}) },
		func(ctx context.Context) {
			checker.Run(ctx, func(s enforcement.State) {
				if g.SetRulesInForce(s.Document != "") != nil {
					checker.Recheck()
				}
			})
		},
	)
	e.check(g.Set(e.t.Context(), gate.Config{Until: clock.Boot() + time.Hour}))
}

// stream is datagrams from the client to the server.
type stream struct {
	mu sync.Mutex
	// sent has when each datagram was sent, by its number, and passed the numbers of those that arrived.
	sent   []time.Time
	passed map[int]bool
}

func newStream(t testing.TB, client, server *testbed.Namespace) *stream {
	t.Helper()
	s := &stream{passed: map[int]bool{}}
	const to = serverAddress + ":5000"
	in, out := server.ListenUDP(t, to), client.DialUDP(t, "", to)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { ontime.Every(ctx, streamInterval, func() { s.send(out) }) })
	parts.Go(func() { s.receive(in) })
	t.Cleanup(func() {
		cancel()
		_, _ = in.Close(), out.Close()
		parts.Wait()
	})
	return s
}

func (s *stream) send(out *net.UDPConn) {
	s.mu.Lock()
	number := len(s.sent)
	s.sent = append(s.sent, time.Now())
	s.mu.Unlock()
	_, _ = out.Write(binary.BigEndian.AppendUint64(nil, uint64(number))) // The unit may be closed.
}

func (s *stream) receive(in *net.UDPConn) {
	datagram := make([]byte, 8)
	for {
		if _, err := in.Read(datagram); err != nil {
			return
		}
		s.mu.Lock()
		s.passed[int(binary.BigEndian.Uint64(datagram))] = true //nolint:gosec // It was an int.
		s.mu.Unlock()
	}
}

// isPassing reports whether the last datagrams passed.
func (s *stream) isPassing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	const last = 10
	n := len(s.sent) - 2 // The very last one may be on its way.
	for i := range last {
		if !s.passed[n-i] {
			return false
		}
	}
	return true
}

// lastPassed returns how long after an instant the last datagram was sent that passed before the first loss.
func (s *stream) lastPassed(since time.Time) (last time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, _ := slices.BinarySearchFunc(s.sent, since, time.Time.Compare)
	for n := from; n < len(s.sent) && s.passed[n]; n++ {
		last = s.sent[n].Sub(since)
	}
	return last
}

// flush removes all rules again and again, and calls measured each time once everything is back.
func (e *edge) flush(times int, measured func(since time.Time, back time.Duration)) {
	e.t.Helper()
	hostile, err := googlenft.New(googlenft.AsLasting()) // Closing it would take long.
	e.check(err)
	e.t.Cleanup(func() { e.check(hostile.CloseLasting()) })
	for range times {
		e.await("datagrams pass", e.stream.isPassing)
		time.Sleep(pause)
		since := time.Now()
		hostile.FlushRuleset()
		e.check(hostile.Flush())
		e.await("the rules are back", func() bool { return e.kernel.Verify(e.want) == nil })
		back := time.Since(since)
		e.await("datagrams pass", e.stream.isPassing)
		measured(since, back)
	}
}

// flushedRules measures until when the rules are back.
func flushedRules(withoutBPF bool) func(t testing.TB, times int) []time.Duration {
	return func(t testing.TB, times int) (lasted []time.Duration) {
		e := newEdge(t, withoutBPF)
		e.flush(times, func(_ time.Time, back time.Duration) { lasted = append(lasted, back) })
		return lasted
	}
}

// closedAfterFlush measures until when packets pass without rules.
func closedAfterFlush(withoutBPF bool) func(t testing.TB, times int) []time.Duration {
	return func(t testing.TB, times int) (lasted []time.Duration) {
		e := newEdge(t, withoutBPF)
		e.flush(times, func(since time.Time, _ time.Duration) { lasted = append(lasted, e.stream.lastPassed(since)) })
		return lasted
	}
}
