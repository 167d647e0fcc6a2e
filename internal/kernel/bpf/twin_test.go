package bpf

import "testing"

// TestTwinGuards checks the twin's kind of every forbidden frame.
func TestTwinGuards(t *testing.T) {
	for _, f := range allForbidden() {
		if kind, guarded := guarded.guards(f.frame); !guarded || kind != f.kind {
			t.Errorf("%s: %t, %s", f.name, guarded, kind)
		}
	}
}

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
