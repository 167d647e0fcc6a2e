//go:build netns

package vpn_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/test/testbed"
)

// counted returns the metrics of the unit that are not zero, without the prefix of their names.
func (u *unit) counted() map[string]float64 {
	u.t.Helper()
	families, err := u.registry.Gather()
	if err != nil {
		u.t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()[len("hapair_vpn_"):]
			for _, label := range metric.GetLabel() {
				name += fmt.Sprintf("{%s}", label.GetValue())
			}
			if value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue(); value != 0 {
				all[name] = value
			}
		}
	}
	return all
}

func (u *unit) wantCounted(when string, want map[string]float64) {
	u.t.Helper()
	if got := u.counted(); !maps.Equal(got, want) {
		u.t.Errorf("%s: got %v, want %v", when, got, want)
	}
}

// TestMetrics has two tunnels on both units. One of them ends.
func TestMetrics(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	active.wantCounted("at the start", map[string]float64{})
	w := classtest.Watch(t, active.Class)
	send(t, active.daemon, segment(message.TakeSegment))
	stream := [][]byte{
		about(message.AddIKE, 1), about(message.UpdateIKE, 1), about(message.AddChild, 1),
		about(message.AddIKE, 2), about(message.UpdateIKE, 2), about(message.AddChild, 2), about(message.AddChild, 2),
		about(message.AddIKE, 3), about(message.DeleteIKE, 1),
	}
	send(t, active.daemon, stream...)
	changes := classtest.Drain(t, w)
	length := float64(len(stream[0]))
	active.wantCounted("on the active", map[string]float64{
		"ike_sas": 1, "messages_total{FromDaemon}": 9, "message_bytes_total{FromDaemon}": 9 * length,
		"keys_total{IKE}": 3, "keys_total{Child}": 3,
	})
	apply(t, standby, changes) // The daemon of the standby is also told to delete what it may have already.
	want := map[string]float64{
		"ike_sas": 1, "messages_total{ToDaemon}": 12, "message_bytes_total{ToDaemon}": 12 * length,
		"keys_total{IKE}": 3, "keys_total{Child}": 3,
	}
	standby.wantCounted("on the standby", want)
	if err := standby.Sink.Prune(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if got := standby.counted()["ike_sas"]; got != 0 {
		t.Errorf("the standby counts %v IKE SAs after their deletion", got)
	}
	snapshot(t, active)
	if got := active.counted()["resyncs_total"]; got != 1 {
		t.Errorf("got %v requests to the daemon, want 1", got)
	}
}

// TestLossesAreCounted has a daemon that does not read, and a watch that does not receive.
func TestLossesAreCounted(t *testing.T) {
	u := newUnit(t)
	if err := u.daemon.SetReadBuffer(104 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Sink.Apply(t.Context(), updates(400)); err == nil {
		t.Error("a daemon that does not read gets all messages")
	}
	classtest.Watch(t, u.Class)
	testbed.Eventually(t, "the queue was full", func() bool {
		for range 64 {
			send(t, u.daemon, about(message.UpdateIKE, 1, make([]byte, 8000)...))
		}
		return u.counted()["losses_total{QueueFull}"] > 0
	})
	if got := u.counted()["losses_total{DaemonSlow}"]; got != 1 {
		t.Errorf("got %v losses at the daemon, want 1", got)
	}
}
