package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

const leaseDuration = 3 * time.Second

var errAway = errors.New("away")

// witness is an API server in memory, with one Lease.
type witness struct {
	mu      sync.Mutex
	record  ha.Record
	version int
	away    bool
	// ignored is whose requests are not answered.
	ignored ha.Incarnation
	seen    []func(ha.Record)
}

func newWitness() *witness { return &witness{record: ha.Record{Version: "0"}} }

func (w *witness) setAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

func (w *witness) ignore(who ha.Incarnation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ignored = who
}

func (w *witness) current() ha.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record
}

func (w *witness) Read(ctx context.Context) (ha.Outcome, ha.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return ha.Unknown, ha.Record{}
	}
	return ha.Read, w.record
}

func (w *witness) Write(ctx context.Context, r ha.Record) (ha.Outcome, ha.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.away, w.ignored != ha.Nobody && r.Holder == w.ignored:
		return ha.Unknown, ha.Record{}
	case r.Version != w.record.Version:
		return ha.Conflict, ha.Record{}
	}
	w.version++
	r.Version = strconv.Itoa(w.version)
	w.record = r
	for _, seen := range w.seen {
		go seen(r)
	}
	return ha.Written, r
}

func (w *witness) Watch(ctx context.Context, seen func(ha.Record)) {
	w.mu.Lock()
	w.seen = append(w.seen, seen)
	r := w.record
	w.mu.Unlock()
	seen(r)
	<-ctx.Done()
}

// link joins the replication of two units, and their heartbeats.
type link struct {
	mu   sync.Mutex
	ends [2]*end
	mute bool
}

// silence cuts the heartbeats, both ways.
func (l *link) silence(mute bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = mute
}

func (l *link) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mute
}

// beats are the heartbeats of one end.
type beats struct{ *end }

func (b beats) Send(m heartbeat.Message) error {
	o := b.other()
	if o == nil || b.link.silent() {
		return nil
	}
	o.mu.Lock()
	received := o.received
	o.mu.Unlock()
	if received != nil {
		received(string(b.self), m)
	}
	return nil
}

func (b beats) Run(ctx context.Context, received func(string, heartbeat.Message)) error {
	b.mu.Lock()
	b.received = received
	b.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (l *link) set(index int, e *end) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[index] = e
}

// end is the replication of one unit. It is in sync as soon as both run.
type end struct {
	*journal
	link   *link
	index  int
	self   ha.Incarnation
	breaks chan error

	mu       sync.Mutex
	happened func(ha.Fact)
	received func(string, heartbeat.Message)
}

// other returns the peer's end; nil while it does not run.
func (e *end) other() *end {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	return e.link.ends[1-e.index]
}

func (e *end) tell(f ha.Fact) {
	e.mu.Lock()
	happened := e.happened
	e.mu.Unlock()
	if happened != nil {
		happened(f)
	}
}

func (e *end) Follow(ctx context.Context, happened func(ha.Fact), _ func(string)) {
	e.mu.Lock()
	e.happened = happened
	e.mu.Unlock()
	if o := e.other(); o != nil {
		e.tell(ha.PeerConnected{Incarnation: o.self})
		o.tell(ha.PeerConnected{Incarnation: e.self})
		e.tell(ha.SyncChanged{InSync: true})
		o.tell(ha.SyncChanged{InSync: true})
	}
	<-ctx.Done()
	e.mu.Lock()
	e.happened = nil
	e.mu.Unlock()
	if o := e.other(); o != nil {
		o.tell(ha.PeerDisconnected{})
	}
}

func (e *end) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-e.breaks:
		return err
	}
}

func (e *end) SetPeer(netip.Addr)            {}
func (e *end) Become(role ha.Role, _ uint64) { _ = e.note("become " + role.String()) }
func (e *end) Commit(context.Context) error  { return e.note("commit") }
func (e *end) Flush(context.Context) error   { return e.note("flush") }

func (e *end) Relinquish(_ context.Context, term, sequence uint64) error {
	o := e.other()
	if o == nil {
		return errAway
	}
	if err := e.note("grant " + strconv.FormatUint(term, 10)); err != nil {
		return err
	}
	o.tell(ha.PeerRelinquished{Term: term, Sequence: sequence})
	return nil
}

// journal is what was done to the host, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
	fails map[string]error
	// held is what the unit cannot hold of the addresses of its WAN.
	held chan string
}

func (j *journal) note(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	return j.fails[line]
}

func (j *journal) fail(line string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fails[line] = err
}

// all returns what was done since it was asked last.
func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// host is the gate and the addresses of one unit.
type host struct{ *journal }

type hostGate struct{ host }

func (h hostGate) Set(_ context.Context, c gate.Config) error {
	if c.Until == 0 {
		return h.note("close gate")
	}
	return h.note("open gate")
}
func (h hostGate) SetRulesInForce(bool) error             { return nil }
func (h hostGate) CheckOpen() error                       { return h.note("look at gate") }
func (h hostGate) Fence() contract.Fence                  { return contract.FenceBPF }
func (h hostGate) Run(ctx context.Context, _ func(error)) { <-ctx.Done() }

type hostAddresses struct{ host }

func (h hostAddresses) Set(_ context.Context, c addresses.Config) error {
	if c.Attached {
		return h.note("attach addresses")
	}
	return h.note("withdraw addresses")
}

func (h hostAddresses) Announce(context.Context) error { return h.note("announce") }

func (h hostAddresses) Verify() error                                           { return h.note("look at addresses") }
func (h hostAddresses) Watch(ctx context.Context, _ func([]addresses.Conflict)) { <-ctx.Done() }
func (h hostAddresses) Keep(ctx context.Context, changed func([]addresses.State)) {
	for {
		select {
		case fault := <-h.held:
			changed([]addresses.State{{Interface: "lan"}, {Interface: "wan", Fault: fault}})
		case <-ctx.Done():
			return
		}
	}
}

func (h hostAddresses) Close() {}

// peer is a peer's pod that never has an address.
type peer struct{}

func (peer) Watch(ctx context.Context, _ func(netip.Addr)) { <-ctx.Done() }

// store holds what was reported.
type store struct {
	mu     sync.Mutex
	last   contract.UnitStatus
	writes int
	away   bool
}

func (s *store) Read(context.Context) (contract.UnitStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return contract.UnitStatus{}, errAway
	}
	return s.last, nil
}

func (s *store) Write(_ context.Context, status contract.UnitStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	s.last = status
	s.writes++
	return nil
}

func (s *store) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *store) reported() (contract.UnitStatus, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.writes
}

// life is one unit that runs in the test.
type life struct {
	unit *Sidecar
	*journal
	store     *store
	documents *documents
	providers *providers
	end       *end
	stop      func()
	done      chan struct{}
	err       error
	started   time.Time
	// ahead is how long the machine was stopped, and stopped is set when the clock has found that.
	ahead   atomic.Int64
	stopped notify.Signal
}

// start runs a unit until it is stopped; the test waits for its end. It has no heartbeats.
func start(t *testing.T, w *witness, l *link, index int) *life {
	t.Helper()
	return startWith(t, w, l, index, ha.Config{})
}

// startBeating runs one that has.
func startBeating(t *testing.T, w *witness, l *link, index int) *life {
	t.Helper()
	return startWith(t, w, l, index, ha.Config{
		HeartbeatInterval: 100 * time.Millisecond, MissedHeartbeats: 3, Grant: 450 * time.Millisecond,
	})
}

func startWith(t *testing.T, w Lease, l *link, index int, c ha.Config) *life {
	t.Helper()
	self := ha.Incarnation([]string{"primary", "secondary"}[index] + "/uid/1")
	c.Self, c.Preferred, c.LeaseDuration = self, index == 0, leaseDuration
	epoch := time.Now()
	status := filepath.Join(t.TempDir(), "firewall-status.json")
	text, err := json.Marshal(contract.FirewallStatus{Hash: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(status, text, 0o600); err != nil {
		t.Fatal(err)
	}
	j := &journal{fails: map[string]error{}, held: make(chan string)}
	e := &end{journal: j, link: l, index: index, self: self, breaks: make(chan error, 1)}
	l.set(index, e)
	r, d, p := &store{}, &documents{}, &providers{behind: make(chan string)}
	ctx, cancel := context.WithCancel(t.Context())
	u := &life{
		journal: j, store: r, documents: d, providers: p, end: e, stop: cancel, done: make(chan struct{}), started: epoch,
		stopped: notify.New(),
	}
	u.unit = New(Config{
		HA: c, Lease: w, Gate: hostGate{host{j}}, Addresses: hostAddresses{host{j}}, Replication: e, Peer: peer{}, Status: r,
		Classes:            []string{"ConnectionCache"},
		Connections:        func() (int64, error) { return 42, nil },
		Heartbeats:         beats{e},
		Configuration:      d,
		Providers:          p,
		FirewallStatusFile: status,
		Now:                func() time.Duration { return time.Hour + time.Since(epoch) + time.Duration(u.ahead.Load()) },
		Stopped:            u.stopped,
		Log:                testr.NewWithOptions(t, testr.Options{}),
	})
	go func() {
		defer close(u.done)
		u.err = u.unit.Run(ctx)
		l.set(index, nil)
	}()
	t.Cleanup(func() {
		cancel()
		<-u.done
	})
	return u
}

func (u *life) role() ha.Role {
	u.unit.health.mu.Lock()
	defer u.unit.health.mu.Unlock()
	return u.unit.health.role
}

// becomes waits for a role, and fails when it does not come.
func (u *life) becomes(t *testing.T, r ha.Role, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for u.role() != r {
		if time.Since(began) > within {
			t.Fatalf("still %s after %s, and not %s", u.role(), within, r)
		}
		time.Sleep(time.Millisecond) // In the bubble's time.
	}
	return time.Since(began)
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("done %q\nwant %q", got, want)
	}
}

// providers note what they are told.
type providers struct {
	// behind is what Follow reports.
	behind chan string

	mu    sync.Mutex
	lines []string
}

func (p *providers) Run(ctx context.Context) { <-ctx.Done() }

func (p *providers) Follow(ctx context.Context, changed func(string)) {
	for {
		select {
		case <-ctx.Done():
			return
		case behind := <-p.behind:
			changed(behind)
		}
	}
}

func (p *providers) Become(role localapi.Role, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf("%s in %d", role, term))
}

func (p *providers) HandoverSoon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, "handover soon")
}

func (p *providers) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// documents note what the handover of documents is told.
type documents struct {
	mu      sync.Mutex
	active  bool
	inForce string
	running bool
}

func (d *documents) Run(ctx context.Context) {
	d.note(func() { d.running = true })
	<-ctx.Done()
	d.note(func() { d.running = false })
}

func (d *documents) Become(active bool) { d.note(func() { d.active = active }) }

func (d *documents) InForce(hash string) { d.note(func() { d.inForce = hash }) }

func (d *documents) note(what func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	what()
}

func (d *documents) now() (active bool, inForce string, running bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active, d.inForce, d.running
}
