package hapair

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestMemory(t *testing.T) {
	m := &memory{}
	edge, other := types.NamespacedName{Namespace: "a", Name: "edge"}, types.NamespacedName{Namespace: "b", Name: "edge"}
	start := time.Now()
	for i, look := range []struct {
		pair  types.NamespacedName
		seen  string
		after time.Duration
		want  time.Duration
	}{
		{edge, "1", 0, 0},
		{edge, "1", time.Hour, time.Hour},
		{other, "1", 2 * time.Hour, 0},
		{edge, "1", 3 * time.Hour, 3 * time.Hour},
		{edge, "2", 4 * time.Hour, 0},
		{edge, "1", 5 * time.Hour, 0}, // what was so before may have been otherwise on its way to a unit
		{edge, "1", 6 * time.Hour, time.Hour},
	} {
		if got := m.unchanged(look.pair, look.seen, start.Add(look.after)); got != look.want {
			t.Errorf("look %d: got %v, want %v", i, got, look.want)
		}
	}

	if m.released(edge, "uid") {
		t.Error("it is certain of what it never looked for")
	}
	m.release(edge, "uid")
	if !m.released(edge, "uid") || m.released(edge, "another") || m.released(other, "uid") {
		t.Error("it does not know for which pair it is certain")
	}
	if got := m.unchanged(edge, "1", start.Add(7*time.Hour)); got != 2*time.Hour {
		t.Errorf("it forgot one thing for another: %v", got)
	}
	m.release(edge, "")
	if m.released(edge, "uid") {
		t.Error("it is still certain")
	}
	m.forget(edge)
	if got := m.unchanged(edge, "1", start.Add(8*time.Hour)); got != 0 {
		t.Errorf("it remembers what it should have forgotten: %v", got)
	}
}
