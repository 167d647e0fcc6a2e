package sidecar

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/notify"
)

// Rules that are removed again and again, and restored each time, count as missing all the while. The gate follows each
// change at once.
func TestRulesThatAreRemovedAgainAndAgainAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := firewalls{changed: notify.New()}
		gate := false
		set := func(hash string) {
			f.change(func(s *firewallStatus) { s.Hash = hash }, func(inForce bool) { gate = inForce })
			if gate != (hash != "") {
				t.Errorf("the gate is told %t with the rules of document %q", gate, hash)
			}
		}
		set("first")
		if !f.get().isSteady() {
			t.Error("the first rules do not count")
		}
		set("second")
		if !f.get().isSteady() {
			t.Error("the rules of another document do not count")
		}
		for range 100 {
			set("")
			if f.get().isSteady() {
				t.Fatal("missing rules count")
			}
			time.Sleep(10 * time.Millisecond)
			set("second")
			time.Sleep(40 * time.Millisecond)
			if f.get().isSteady() {
				t.Fatal("rules count that were missing 40 ms ago")
			}
		}
		<-f.changed
		time.Sleep(steadyAfter)
		synctest.Wait()
		select {
		case <-f.changed:
		default:
			t.Error("nobody learns that the rules count again")
		}
		if !f.get().isSteady() {
			t.Error("the rules do not count again")
		}
	})
}
