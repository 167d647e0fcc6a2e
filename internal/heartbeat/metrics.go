package heartbeat

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Metrics count what happens to datagrams. docs/metrics.md has the meaning of each.
type Metrics struct {
	// sent counts datagrams that the network accepted, unsent those that it refused.
	sent, unsent atomic.Uint64
	// received counts the messages that were passed on. failures counts errors of the socket itself.
	received, failures atomic.Uint64
	// dropped counts the datagrams that were not passed on, by reason.
	dropped [seal.DropReasons]atomic.Uint64
	// unread counts the datagrams that the kernel dropped before they were read.
	unread    atomic.Uint64
	roundTrip prometheus.Histogram
}

// roundTripBuckets reach from a quiet local network to more than any useful detection time, in seconds.
var roundTripBuckets = []float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
}

const namespace, subsystem = "hapair", "heartbeat"

// NewMetrics returns metrics that start at zero, and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{roundTrip: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "round_trip_seconds", Buckets: roundTripBuckets,
		Help: "Time from sending a heartbeat until its acknowledgement arrived.",
	})}
	m.register(registerer)
	return m
}

// register registers all metrics.
func (m *Metrics) register(registerer prometheus.Registerer) {
	registerer.MustRegister(
		m.roundTrip,
		counter(&m.sent, "sent_total", "Datagrams sent to the peer, heartbeats and acknowledgements.", nil),
		counter(&m.unsent, "send_failures_total", "Datagrams that the network refused to send.", nil),
		counter(&m.received, "received_total", "Messages received from the peer.", nil),
		counter(&m.failures, "receive_failures_total", "Errors while reading from the socket.", nil),
	)
	drop := func(value *atomic.Uint64, reason string) {
		registerer.MustRegister(counter(value, "dropped_total", "Datagrams received and dropped, by reason.",
			prometheus.Labels{"reason": reason}))
	}
	for _, reason := range seal.AllDropReasons() {
		drop(&m.dropped[reason], reason.String())
	}
	drop(&m.unread, "Unread")
}

// counter returns a collector that reads a counter.
func counter(value *atomic.Uint64, name, help string, labels prometheus.Labels) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, ConstLabels: labels,
	}, func() float64 { return float64(value.Load()) })
}

// roundTrips measures the time between heartbeats and their acknowledgements. The link's lock guards it.
type roundTrips struct {
	sent [maxPending]pending
}

// maxPending is how many heartbeats may wait for their acknowledgement. The oldest one is dropped beyond that.
const maxPending = 64

// pending is a heartbeat without an acknowledgement yet.
type pending struct {
	term, sequence uint64
	at             time.Time
}

// start notes when a heartbeat was sent.
func (r *roundTrips) start(m Message, now time.Time) {
	r.sent[m.Sequence%maxPending] = pending{m.Term, m.Sequence, now}
}

// finish observes the time of an acknowledgement. One that comes twice, or too late, is not observed.
func (r *roundTrips) finish(m Message, now time.Time, observer prometheus.Observer) {
	p := &r.sent[m.Sequence%maxPending]
	if p.at.IsZero() || p.term != m.Term || p.sequence != m.Sequence {
		return
	}
	observer.Observe(now.Sub(p.at).Seconds())
	*p = pending{}
}
