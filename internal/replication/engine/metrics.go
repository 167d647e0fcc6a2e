package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/state"
)

// Metrics are what replication tells Prometheus. docs/metrics.md has what each means and when to worry.
type Metrics struct {
	events, coalesced, sent, bytes, acknowledged, applied *prometheus.CounterVec
	refused, resyncs, repaired, audits                    *prometheus.CounterVec
	lag                                                   *prometheus.HistogramVec
	queueEntries, queueBytes, divergence                  *prometheus.GaugeVec
	connected, inSync                                     prometheus.Gauge
}

// lagBuckets reach from what a quiet sync network takes to what a throttle or a stall makes of it, in seconds.
var lagBuckets = []float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
}

// NewMetrics makes metrics that start at zero, and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(options(name, help), append([]string{"class"}, labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts(options(name, help)), []string{"class"})
	}
	m := &Metrics{
		events:       counter("events_total", "Changes that the active's kernel told of, filtered ones apart."),
		coalesced:    counter("coalesced_total", "Changes that were merged into one of the same entry that still waited."),
		sent:         counter("sent_total", "Records that the active sent, those of snapshots included."),
		bytes:        counter("sent_bytes_total", "Bytes of state that the active sent, before encryption."),
		acknowledged: counter("acknowledged_total", "Records that the standby said it has written."),
		applied:      counter("applied_total", "Records that this unit wrote as the standby."),
		refused:      counter("refused_total", "Records that this unit could not write as the standby, by why.", "reason"),
		resyncs: counter("resyncs_total",
			"Comparisons of both tables that were due because changes were lost, by why.", "reason"),
		repaired: counter("repaired_total", "Records that were sent since a comparison found the standby different."),
		audits:   counter("audits_total", "Comparisons of both tables while in sync, by what came of them.", "result"),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "lag_seconds", Buckets: lagBuckets,
			Help: "Age of the oldest change of a frame when the standby said that it has written it.",
		}, []string{"class"}),
		divergence: gauge("audit_divergence",
			"Parts of the table, of 16384, in which the last audit found the standby different."),
		queueEntries: gauge("queue_entries", "Changes that wait to be sent."),
		queueBytes:   gauge("queue_bytes", "Size of the changes that wait to be sent."),
		connected: prometheus.NewGauge(prometheus.GaugeOpts(
			options("connected", "Whether the session to the peer stands."))),
		inSync: prometheus.NewGauge(prometheus.GaugeOpts(
			options("in_sync", "Whether the standby of the two has the active's state."))),
	}
	registry.MustRegister(m.events, m.coalesced, m.sent, m.bytes, m.acknowledged, m.applied, m.refused, m.resyncs,
		m.repaired, m.audits, m.divergence, m.lag, m.queueEntries, m.queueBytes, m.connected, m.inSync)
	return m
}

const namespace, subsystem = "hapair", "replication"

func options(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
}

// classMetrics are those of one class. An engine looks them up once, since they are counted for each frame.
type classMetrics struct {
	events, coalesced, sent, bytes, acknowledged, applied prometheus.Counter
	repaired                                              prometheus.Counter
	audits                                                [auditResults]prometheus.Counter
	lag                                                   prometheus.Observer
	queueEntries, queueBytes, divergence                  prometheus.Gauge
	refused                                               [class.Refusals]prometheus.Counter
	resyncs                                               [losses]prometheus.Counter
}

func (m *Metrics) of(id state.Class) *classMetrics {
	name := id.String()
	c := &classMetrics{
		events: m.events.WithLabelValues(name), coalesced: m.coalesced.WithLabelValues(name),
		sent: m.sent.WithLabelValues(name), bytes: m.bytes.WithLabelValues(name),
		acknowledged: m.acknowledged.WithLabelValues(name), applied: m.applied.WithLabelValues(name),
		repaired: m.repaired.WithLabelValues(name), divergence: m.divergence.WithLabelValues(name),
		lag:          m.lag.WithLabelValues(name),
		queueEntries: m.queueEntries.WithLabelValues(name), queueBytes: m.queueBytes.WithLabelValues(name),
	}
	for l := range c.resyncs {
		c.resyncs[l] = m.resyncs.WithLabelValues(name, loss(l).String())
	}
	for r := range c.audits {
		c.audits[r] = m.audits.WithLabelValues(name, auditResult(r).String())
	}
	for r := range c.refused {
		c.refused[r] = m.refused.WithLabelValues(name, class.Refusal(r).String())
	}
	return c
}

// waiting tells how much waits.
func (c *classMetrics) waiting(q *queue.Queue) {
	c.queueEntries.Set(float64(q.Len()))
	c.queueBytes.Set(float64(q.Bytes()))
}

// written counts what became of changes on the standby.
func (c *classMetrics) written(changes int, outcome class.Outcome) {
	for r, n := range outcome.Refused {
		c.refused[r].Add(float64(n))
		changes -= n
	}
	c.applied.Add(float64(changes))
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
