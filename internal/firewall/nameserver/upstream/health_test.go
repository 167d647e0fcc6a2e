package upstream

import (
	"fmt"
	"testing"
	"time"
)

// The first server is preferred unless it has left two questions in a row unanswered. It is then tried again after a
// pause that doubles, by one question at a time.
func TestOrder(t *testing.T) {
	servers, now := make([]health, 3), time.Hour
	expect := func(when, want string) {
		t.Helper()
		if got := fmt.Sprint(order(now, servers)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	expect("at first", "[0 1 2]")
	if servers[0].failed(now) {
		t.Error("one loss is news")
	}
	expect("after a loss", "[0 1 2]")
	if !servers[0].failed(now) || servers[0].failed(now) {
		t.Error("only the second loss is news")
	}
	expect("without answers", "[1 2 0]")
	servers[2].failed(now)
	servers[2].failed(now)
	expect("with one server left", "[1 2 0]")
	now += 2 * time.Second
	expect("after a pause", "[1 2 0]")
	now += 2 * time.Second
	expect("after two", "[0 1 2]")
	servers[0].tried(now, time.Second)
	expect("while it is tried", "[1 2 0]")
	now += time.Second
	expect("when it was tried", "[0 1 2]")
	if !servers[0].answered() || servers[0].answered() {
		t.Error("only the first answer is news")
	}
	for range 100 {
		servers[0].failed(now)
	}
	if pause := servers[0].waits(now); pause != maxPause {
		t.Errorf("after 100 losses, the pause is %s", pause)
	}
}
