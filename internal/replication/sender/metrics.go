package sender

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/state"
)

// Metrics are those of an active. docs/metrics.md explains each.
type Metrics struct {
	events, coalesced, sent, bytes, acknowledged *prometheus.CounterVec
	resyncs, repaired, audits                    *prometheus.CounterVec
	lag                                          *prometheus.HistogramVec
	queueEntries, queueBytes, divergence         *prometheus.GaugeVec
}

const namespace, subsystem = "hapair", "replication"

// lagBuckets are in seconds. They cover a quiet network as well as a throttled or stalled one.
var lagBuckets = []float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
}

// NewMetrics returns metrics that are registered and start at zero.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
		}, append([]string{"class"}, labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
		}, []string{"class"})
	}
	m := &Metrics{
		events:       counter("events_total", "Changes that the active read from its kernel, after filters."),
		coalesced:    counter("coalesced_total", "Changes that were merged into a waiting change of the same entry."),
		sent:         counter("sent_total", "Records that the active sent, including those of snapshots."),
		bytes:        counter("sent_bytes_total", "Bytes of state that the active sent, before encryption."),
		acknowledged: counter("acknowledged_total", "Records that the standby acknowledged as written."),
		resyncs: counter("resyncs_total",
			"Comparisons of both tables that were necessary because changes were lost, by reason.", "reason"),
		repaired: counter("repaired_total", "Records that were sent because a comparison found the standby different."),
		audits:   counter("audits_total", "Comparisons of both tables while in sync, by result.", "result"),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "lag_seconds", Buckets: lagBuckets,
			Help: "Age of the oldest change of a frame when the standby had written it.",
		}, []string{"class"}),
		divergence: gauge("audit_divergence",
			"Parts of the table, of 16384, in which the last audit found the standby different."),
		queueEntries: gauge("queue_entries", "Changes that wait to be sent."),
		queueBytes:   gauge("queue_bytes", "Size of the changes that wait to be sent."),
	}
	registerer.MustRegister(m.events, m.coalesced, m.sent, m.bytes, m.acknowledged, m.resyncs, m.repaired, m.audits,
		m.divergence, m.lag, m.queueEntries, m.queueBytes)
	return m
}

// ClassMetrics are the metrics of one class. They are looked up once, since they are updated for each frame.
type ClassMetrics struct {
	events, coalesced, sent, bytes, acknowledged, repaired prometheus.Counter
	audits                                                 [auditResults]prometheus.Counter
	lag                                                    prometheus.Observer
	queueEntries, queueBytes, divergence                   prometheus.Gauge
	resyncs                                                [losses]prometheus.Counter
	cost                                                   cost
}

// Class returns the metrics of a class.
func (m *Metrics) Class(id state.Class) *ClassMetrics {
	name := id.String()
	c := &ClassMetrics{
		events: m.events.WithLabelValues(name), coalesced: m.coalesced.WithLabelValues(name),
		sent: m.sent.WithLabelValues(name), bytes: m.bytes.WithLabelValues(name),
		acknowledged: m.acknowledged.WithLabelValues(name), repaired: m.repaired.WithLabelValues(name),
		divergence: m.divergence.WithLabelValues(name), lag: m.lag.WithLabelValues(name),
		queueEntries: m.queueEntries.WithLabelValues(name), queueBytes: m.queueBytes.WithLabelValues(name),
	}
	for l := range c.resyncs {
		c.resyncs[l] = m.resyncs.WithLabelValues(name, loss(l).String())
	}
	for r := range c.audits {
		c.audits[r] = m.audits.WithLabelValues(name, auditResult(r).String())
	}
	return c
}

// SentBytes returns how many bytes of state were sent, before encryption.
func (c *ClassMetrics) SentBytes() uint64 { return c.cost.bytes.Load() }

// Entries returns how many entries this unit had when both tables were compared last, and whether that is known.
func (c *ClassMetrics) Entries() (entries int64, known bool) {
	return c.cost.entries.Load(), c.cost.counted.Load()
}

// setQueue sets the size of the queue.
func (c *ClassMetrics) setQueue(q *queue.Queue) {
	c.queueEntries.Set(float64(q.Len()))
	c.queueBytes.Set(float64(q.Bytes()))
}
