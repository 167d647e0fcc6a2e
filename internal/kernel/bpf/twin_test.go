package bpf

import "testing"

// TestTwin checks the twin's verdict on every sample.
func TestTwin(t *testing.T) {
	for _, s := range samples() {
		if got := guarded.passesIn(s.frame); got != s.in {
			t.Errorf("%s coming in: passes %t", s.name, got)
		}
		if got := guarded.passesOut(s.frame, false); got != s.out {
			t.Errorf("%s going out: passes %t", s.name, got)
		}
		if guarded.passesOut(s.frame, true) {
			t.Errorf("%s, routed: passes", s.name)
		}
	}
}
