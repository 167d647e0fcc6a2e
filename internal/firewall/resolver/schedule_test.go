package resolver

import (
	"fmt"
	"slices"
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

// A name is lost once its addresses have gone, or once it has failed for as long as addresses stay. Since when it fails
// does not move with further attempts.
func TestLostNamesHaveTheirFirstFailure(t *testing.T) {
	start := time.Unix(1000, 0)
	s := schedule{}
	s.set(map[string][]string{"answered": nil, "lost": nil, "never": nil})
	s.answered("answered", time.Hour, start)
	s.answered("lost", time.Minute, start)
	first := start.Add(time.Minute)
	for i := range 3 {
		s.failed("lost", first.Add(time.Duration(i)*time.Minute))
		s.failed("never", first.Add(time.Duration(i)*time.Minute))
	}
	if resolved, failing := s.counts(); resolved != 1 || failing != 2 {
		t.Errorf("%d names are resolved and %d fail", resolved, failing)
	}
	if names, _ := s.lost(first.Add(grace - time.Second)); len(names) > 0 {
		t.Errorf("%v are lost before their addresses have gone", names)
	}
	names, since := s.lost(first.Add(grace))
	if !slices.Equal(names, []string{"lost", "never"}) || !since[0].Equal(first) || !since[1].Equal(first) {
		t.Errorf("%v are lost since %v, want lost and never since %v", names, since, first)
	}
	s.answered("lost", time.Minute, first.Add(grace))
	s.restart()
	if names, _ := s.lost(first.Add(2 * grace)); len(names) > 0 {
		t.Errorf("%v are lost on a standby", names)
	}
}
