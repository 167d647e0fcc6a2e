package resolver

import (
	"fmt"
	"testing"
	"time"
)

// A name is asked for when its answer ends. Without an answer, it is asked for again soon, and then less often.
func TestSchedule(t *testing.T) {
	s, now := schedule{}, time.Unix(1000, 0)
	expect := func(what, want string) {
		t.Helper()
		if got := fmt.Sprint(s.due(now, 2)); got != want {
			t.Errorf("%s: %s are due, want %s", what, got, want)
		}
	}
	s.set(map[string][]string{"a": nil, "b": nil, "c": nil})
	expect("at the beginning", "[a b]")
	s.answered("a", time.Minute, now)
	expect("after an answer", "[b c]")
	if !s.failed("b", now) || s.failed("b", now) {
		t.Error("only the first failure in a row is one to log")
	}
	s.answered("c", time.Hour, now)
	now = now.Add(10*time.Second - 1)
	expect("within the second retry", "[]")
	now = now.Add(1)
	expect("after the second retry", "[b]")
	for range 5 {
		s.failed("b", now)
	}
	now = now.Add(maxRetry - 1)
	expect("within the longest retry", "[]")
	now = now.Add(20*time.Second + 1)
	expect("after both", "[b a]")
	s.answered("b", time.Hour, now)
	s.set(map[string][]string{"a": nil, "c": nil, "d": nil})
	expect("with another document", "[d a]")
	s.answered("b", time.Minute, now)
	if _, isThere := s["b"]; isThere || s.failed("b", now) {
		t.Error("a late answer brings back a name that the document no longer has")
	}
	s.answered("a", time.Hour, now)
	s.answered("d", time.Hour, now)
	s.restart()
	expect("after a restart", "[a c]")
}
