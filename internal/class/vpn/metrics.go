package vpn

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

// Directions of messages.
const (
	fromDaemon = "FromDaemon"
	toDaemon   = "ToDaemon"
)

// Kinds of SAs with keys.
const (
	ofIKE   = "IKE"
	ofChild = "Child"
)

// loss is the reason why messages about tunnels were lost. The units then begin again.
type loss string

const (
	// lossSocket means that the sidecar did not read its socket in time. lossQueue means that too many messages waited to
	// be sent.
	lossSocket loss = "SocketFull"
	lossQueue  loss = "QueueFull"
	// lossDaemon means that the daemon of the standby did not read its socket in time.
	lossDaemon loss = "DaemonSlow"
)

// Metrics are those of tunnels on a unit. A nil Metrics counts nothing. docs/metrics.md explains each.
type Metrics struct {
	ikeSAs                        prometheus.Gauge
	messages, bytes, keys, losses *prometheus.CounterVec
	resyncs                       prometheus.Counter
}

// NewMetrics returns metrics that are registered and start at zero.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	const namespace, subsystem = "hapair", "vpn"
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		all := prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
		}, []string{label})
		for _, value := range values {
			all.WithLabelValues(value)
		}
		return all
	}
	m := &Metrics{
		ikeSAs: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "ike_sas",
			Help: "IKE SAs of the unit whose peers have authenticated. They are passive on a standby.",
		}),
		messages: counter("messages_total", "Messages about tunnels between the sidecar and the IKE daemon.",
			"direction", fromDaemon, toDaemon),
		bytes: counter("message_bytes_total", "Bytes of these messages.", "direction", fromDaemon, toDaemon),
		keys:  counter("keys_total", "IKE SAs and children that were described with new keys.", "of", ofIKE, ofChild),
		losses: counter("losses_total", "How often messages were lost, by reason.",
			"reason", string(lossSocket), string(lossQueue), string(lossDaemon)),
		resyncs: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "resyncs_total",
			Help: "How often the IKE daemon was asked to describe all tunnels, which gives each child new keys.",
		}),
	}
	registerer.MustRegister(m.ikeSAs, m.messages, m.bytes, m.keys, m.losses, m.resyncs)
	return m
}

func (m *Metrics) setIKESAs(n int) {
	if m != nil {
		m.ikeSAs.Set(float64(n))
	}
}

// countMessage counts a message, of a size in bytes.
func (m *Metrics) countMessage(direction string, size int) {
	if m != nil {
		m.messages.WithLabelValues(direction).Inc()
		m.bytes.WithLabelValues(direction).Add(float64(size))
	}
}

// countKeys counts the keys in a message.
func (m *Metrics) countKeys(t message.Type) {
	switch {
	case m == nil:
	case t == message.AddIKE:
		m.keys.WithLabelValues(ofIKE).Inc()
	case t == message.AddChild:
		m.keys.WithLabelValues(ofChild).Inc()
	}
}

func (m *Metrics) countLoss(reason loss) {
	if m != nil {
		m.losses.WithLabelValues(string(reason)).Inc()
	}
}

func (m *Metrics) countResync() {
	if m != nil {
		m.resyncs.Inc()
	}
}
