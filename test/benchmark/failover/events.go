package failover

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/testbed"
)

// cutPower takes a router's power: all its cables are out at once, and then its programs end without a farewell.
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

// loseActive cuts the power of the active.
func loseActive(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	m.settle(tickers, o.Patience)
	event := m.cutPower(b.primary)
	m.recover(event)
	m.conclude(event)
}

// loseActiveWithFlows is the same with many connections in the table.
func loseActiveWithFlows(b *bed, s system, o Options, sample *Sample) {
	fill(b, o.Flows)
	awaitReplicated(b, s, o.Flows)
	// To take in so many at once keeps a small machine busy enough for a pair to change places. It gets the time to come
	// to rest.
	awaitRedundant(b, s)
	m := begin(b, s, sample)
	m.settle(o.Flows, o.Patience)
	event := m.cutPower(b.primary)
	m.recover(event)
	m.conclude(event)
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

// loseStandby cuts the power of the standby: nobody should notice.
func loseStandby(b *bed, s system, o Options, sample *Sample) {
	m := begin(b, s, sample)
	m.settle(tickers, o.Patience)
	event := m.cutPower(b.secondary)
	m.recover(event)
	m.conclude(event)
}

// freezeActive stops all programs of the active as they are, which a machine short of memory does too; its kernel goes
// on. Once the standby has taken over, they go on.
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
			t.Fatalf("Looking at packets: %v", err)
		}
	}
	// What came after the programs were stopped, none of them has read.
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
	t.Cleanup(server.Thaw) // whatever happens: other runs need it
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
	// The figures are those of the time without an API server, the second gap apart; what broke, and who forwarded, is
	// counted over both.
	m.sample.After = m.sample.UDP
	m.sample.UDP, m.sample.UDP5, m.sample.TCP, m.sample.Missing = away.UDP, away.UDP5, away.TCP, away.Missing
}

// idle lets the pair alone, and counts what it writes to the API server.
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
