package seal

import (
	"testing"

	"pgregory.net/rapid"
)

// naive is a window that remembers everything.
type naive struct {
	highest uint64
	seen    map[uint64]bool
}

func (n *naive) isFresh(counter uint64) bool {
	return counter > 0 && !n.seen[counter] && counter+windowSize > n.highest
}

func (n *naive) add(counter uint64) {
	n.seen[counter] = true
	n.highest = max(n.highest, counter)
}

// TestWindowMatchesNaiveWindow compares the window with one that remembers everything, over steps of all sizes.
func TestWindowMatchesNaiveWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, twin := window{}, naive{seen: map[uint64]bool{}}
		at := int64(rapid.Uint64Range(0, 1<<40).Draw(t, "start"))
		step := rapid.OneOf(
			rapid.Int64Range(-3, 3), rapid.Int64Range(-wordBits, wordBits),
			rapid.Int64Range(-windowSize-2, windowSize+2), rapid.Int64Range(-3*windowSize, 3*windowSize),
		)
		for i := range rapid.IntRange(1, 400).Draw(t, "steps") {
			at = max(0, at+step.Draw(t, "step"))
			counter := uint64(at)
			got, want := w.isFresh(counter), twin.isFresh(counter)
			if got != want {
				t.Fatalf("step %d: counter %d after %d is fresh: %t, want %t", i, counter, twin.highest, got, want)
			}
			if got {
				w.add(counter)
				twin.add(counter)
			}
		}
	})
}

func TestWindowIsWideEnough(t *testing.T) {
	if windowSize < 1024 {
		t.Errorf("a window of %d is narrower than a queue may be", windowSize)
	}
	var w window
	w.add(windowSize)
	if !w.isFresh(1) {
		t.Error("the oldest counter of the window is not fresh")
	}
	w.add(windowSize + 1)
	if w.isFresh(1) {
		t.Error("a counter beyond the window is fresh")
	}
}

func TestWindowAtTheLastCounters(t *testing.T) {
	const last = 1<<64 - 1
	var w window
	for _, counter := range []uint64{1, last, last - windowSize + 1} {
		if !w.isFresh(counter) {
			t.Fatalf("counter %d is not fresh", counter)
		}
		if w.add(counter); w.isFresh(counter) {
			t.Errorf("counter %d is fresh twice", counter)
		}
	}
	if w.isFresh(last-windowSize) || w.isFresh(1) || w.isFresh(0) {
		t.Error("a counter beyond the window is taken")
	}
}

func FuzzWindow(f *testing.F) {
	f.Add([]byte{1, 2, 3, 3, 200, 2})
	f.Add([]byte{250, 250, 250, 250, 0, 250, 1, 250})
	f.Fuzz(func(t *testing.T, steps []byte) {
		w, twin := window{}, naive{seen: map[uint64]bool{}}
		at := uint64(windowSize)
		for i, step := range steps {
			// Small bytes step back, large ones step far ahead.
			if step < 128 {
				at -= min(at, uint64(step)*uint64(step))
			} else {
				at += uint64(step-128) * 37
			}
			if got, want := w.isFresh(at), twin.isFresh(at); got != want {
				t.Fatalf("step %d: counter %d after %d is fresh: %t, want %t", i, at, twin.highest, got, want)
			} else if got {
				w.add(at)
				twin.add(at)
			}
		}
	})
}
