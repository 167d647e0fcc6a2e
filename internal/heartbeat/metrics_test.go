package heartbeat

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// TestMetricsCountDatagrams gathers the metrics of a link after a heartbeat, its acknowledgement and a stray datagram.
func TestMetricsCountDatagrams(t *testing.T) {
	a, b := two(t)
	registry := prometheus.NewRegistry()
	a.metrics.register(registry)
	heartbeat := example
	heartbeat.Acknowledgement = false
	if err := a.Send(heartbeat); err != nil {
		t.Fatal(err)
	}
	b.next()
	for range 2 { // The second acknowledgement is not observed again.
		if err := b.Send(example); err != nil {
			t.Fatal(err)
		}
		a.next()
	}
	s := newStranger(t, a)
	s.send([]byte("hello")) // The kernel drops it, and reports that with the next datagram.
	mine, _ := session(1)
	mine.Send = seal.Secret{1}
	s.send(sealed(t, mine, make([]byte, messageSize)))
	a.eventually(func(c Counters) bool { return sum(c.Dropped) == 1 && c.Unread == 1 }, "both datagrams are dropped")

	got := gather(t, registry)
	for name, want := range map[string]float64{
		"hapair_heartbeat_sent_total":         1,
		"hapair_heartbeat_received_total":     2,
		"hapair_heartbeat_dropped_total":      2,
		"hapair_heartbeat_round_trip_seconds": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// gather returns the value of each metric, summed over its labels; of a histogram the number of observations.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			values[family.GetName()] += metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func sum[K comparable](counts map[K]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

func TestRoundTripsIgnoreLateAcknowledgements(t *testing.T) {
	var r roundTrips
	observed := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "test"})
	count := prometheus.ObserverFunc(func(float64) { t.Error("a late acknowledgement was observed") })
	now := time.Now()
	r.start(Message{Term: 1, Sequence: 1}, now)
	r.start(Message{Term: 1, Sequence: 1 + maxPending}, now)
	r.finish(Message{Term: 1, Sequence: 1}, now, count)
	r.finish(Message{Term: 2, Sequence: 1 + maxPending}, now, count)
	r.finish(Message{Term: 1, Sequence: 1 + maxPending}, now, observed)
	r.finish(Message{Term: 1, Sequence: 1 + maxPending}, now, count)
}
