package failover

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/testbed"
)

// cutPower simulates a power failure of a router: it cuts all cables at once, and then kills the programs.
func (m *measurement) cutPower(r *router) time.Time {
	t := m.bed.t
	t.Helper()
	first, last, err := r.power.off()
	if err != nil {
		t.Fatalf("Cutting the power of %s: %v", r.name, err)
	}
	if err := process.KillAll(r.path()); err != nil {
		t.Fatalf("Cutting the power of %s: %v", r.name, err)
	}
	m.sample.CutTook = Milliseconds(last.Sub(first))
	return first
}

// lose cuts the power of a router that has a number of connections.
func lose(r *router, connections int, b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	m.settle(connections, o.Patience)
	event := m.cutPower(r)
	m.recover(event)
	m.conclude(event)
}

// loseActive cuts the power of the active.
func loseActive(b *bed, s system, o Options, sample *Sample) {
	lose(b.primary, tickers, b, s, o, sample)
}

// loseStandby cuts the power of the standby. Users should not notice it.
func loseStandby(b *bed, s system, o Options, sample *Sample) {
	lose(b.secondary, tickers, b, s, o, sample)
}

// loseActiveWithFlows cuts the power of an active with many connections in its table.
func loseActiveWithFlows(b *bed, s system, o Options, sample *Sample) {
	fill(b, o.Flows)
	awaitReplicated(b, s, o.Flows)
	// So many new connections can keep a small machine busy enough to cause a failover. Give the pair time to become
	// redundant again.
	awaitRedundant(b, s)
	lose(b.primary, o.Flows, b, s, o, sample)
}

// stopActive asks the active to stop, as for a reboot or an upgrade.
func stopActive(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	m.probe(b.primary)
	m.settle(tickers, o.Patience)
	event := time.Now()
	s.stop(b.primary)
	m.recover(event)
	m.conclude(event)
}

// freezeActive stops all programs of the active, as may happen when a machine is short of memory. Its kernel continues.
// After the standby has taken over, the programs continue too.
func freezeActive(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	t, frozen := b.t, b.primary
	m.probe(frozen)
	acknowledgements := tracer.Record(t, frozen.namespace, "sync0", func(p tracer.Packet) bool {
		return p.Protocol == unix.IPPROTO_UDP && p.SrcPort == contract.SyncPort && !p.Outgoing
	})
	m.settle(tickers, o.Patience)
	event := time.Now()
	if _, err := process.SignalAll(frozen.path(), unix.SIGSTOP); err != nil {
		t.Fatalf("Freezing %s: %v", frozen.name, err)
	}
	stopped := time.Now()
	m.recover(event)
	if _, err := process.SignalAll(frozen.path(), unix.SIGCONT); err != nil {
		t.Fatalf("Thawing %s: %v", frozen.name, err)
	}
	testbed.Pause(t, minWatch)
	m.conclude(event)

	packets, err := acknowledgements.Packets()
	forwarded, err1 := m.forwarded()
	probes, err2 := m.probes()
	for _, err := range []error{err, err1, err2} {
		if err != nil {
			t.Fatalf("Reading recorded packets: %v", err)
		}
	}
	// The frozen programs did not read acknowledgements that arrived after the freeze.
	var acknowledged time.Time
	for _, p := range packets {
		if p.At.Before(stopped) {
			acknowledged = p.At
		}
	}
	last := tracer.LastBy(forwarded, frozen.name)
	if probed := tracer.LastBy(probes, frozen.name); probed.After(last) {
		last = probed
	}
	if !acknowledged.IsZero() {
		m.sample.Closed = Milliseconds(last.Sub(acknowledged))
	}
}

// loseWitness freezes the API server for a while, and cuts the active's power as soon as it answers again.
func loseWitness(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	t, server := b.t, s.(*hapair).server
	m.settle(tickers, o.Patience)
	event := time.Now()
	server.Freeze()
	t.Cleanup(server.Thaw) // in every case, since other runs need it
	testbed.Pause(t, o.Away)
	server.Thaw()
	if err := server.Answers(t.Context()); err != nil {
		t.Fatalf("Waiting for the API server to come back: %v", err)
	}
	back := time.Now()
	m.conclude(event)
	away := *m.sample
	cut := m.cutPower(b.primary)
	m.recover(cut)
	m.conclude(cut)
	t.Logf("The power was cut %s after the API server was back", cut.Sub(back).Round(time.Millisecond))
	// The figures are those of the time without an API server, except the gap after it. Broken connections and
	// forwarding routers are counted over both.
	m.sample.After = m.sample.UDP
	m.sample.UDP, m.sample.UDP5, m.sample.TCP, m.sample.Missing = away.UDP, away.UDP5, away.TCP, away.Missing
}

// idle leaves the pair alone, and counts its writes to the API server.
func idle(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	t, h := b.t, s.(*hapair)
	m.settle(tickers, o.Patience)
	begun := time.Now()
	testbed.Pause(t, o.Idle)
	writes, err := h.server.Writes(kubernetesNamespace, h.name+"-", begun)
	if err != nil {
		t.Fatalf("Counting writes: %v", err)
	}
	for _, w := range writes {
		t.Logf("%s: %s %s of %s", w.At.Format(time.TimeOnly), w.Verb, w.Resource, w.User)
	}
	m.sample.WritesPerSecond = float64(len(writes)) / time.Since(begun).Seconds()
	m.conclude(begun)
}
