package sidecar

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// condition returns the condition of that type, or the zero condition.
func condition(status contract.UnitStatus, kind string) contract.Condition {
	for _, c := range status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return contract.Condition{}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What an earlier life left is withdrawn before anything else, and the promotion keeps its order.
func TestFirstElection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		primary := start(t, w, &link{}, 0)
		primary.becomes(t, ha.Active, time.Second)
		synctest.Wait()
		wantLines(t, primary.all(), "close gate", "withdraw addresses", "become Standby", "commit", "become Active",
			"open gate", "attach addresses", "announce", "look at gate", "look at addresses")
		if r := w.current(); r.Holder != "primary/uid/1" || r.Term != 1 {
			t.Errorf("lease %+v", r)
		}
		time.Sleep(time.Second + time.Millisecond)
		wantLines(t, primary.all(), "open gate") // The deadline moves with each renewal.
		status, _ := primary.store.reported()
		if c := condition(status, "ConfigurationApplied"); status.Role != "Active" || c.Status != "True" ||
			status.ConfigurationHash != "abc" {
			t.Errorf("status %+v", status)
		}
	})
}

// The whole switchover: the peer is active within what the messages take, and the giver's gate was closed before.
func TestSwitchover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		primary, secondary := start(t, w, l, 0), start(t, w, l, 1)
		primary.becomes(t, ha.Active, time.Second)
		secondary.becomes(t, ha.Standby, time.Second)
		synctest.Wait()
		primary.all()
		secondary.all()

		primary.stop()
		if took := secondary.becomes(t, ha.Active, time.Second); took > 10*time.Millisecond {
			t.Errorf("the switchover took %s", took)
		}
		promoted := time.Now()
		<-primary.done
		if rested := time.Since(promoted); rested < successionTime/2 {
			t.Errorf("the giver ended %s after the promotion of its peer, which it can still disturb then", rested)
		}
		wantLines(t, primary.all(), "flush", "close gate", "withdraw addresses", "grant 2", "become Standby")
		wantLines(t, secondary.all()[:4], "commit", "become Active", "open gate", "attach addresses")
		wantLines(t, primary.providers.all(), "Standby in 0", "Active in 1", "handover soon", "None in 2", "Standby in 2")
		wantLines(t, secondary.providers.all(), "Standby in 0", "Active in 2")
		if primary.err != nil {
			t.Error(primary.err)
		}
		if r := w.current(); r.Holder != "secondary/uid/1" || r.Term != 2 {
			t.Errorf("lease %+v", r)
		}
	})
}

// A unit that gave nothing away has no successor to wait for.
func TestStandbyStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		primary, secondary := start(t, w, l, 0), start(t, w, l, 1)
		primary.becomes(t, ha.Active, time.Second)
		secondary.becomes(t, ha.Standby, time.Second)
		stopped := time.Now()
		secondary.stop()
		<-secondary.done
		if took := time.Since(stopped); took >= successionTime {
			t.Errorf("the standby stopped after %s", took)
		}
	})
}

// A unit that cannot put an address back reports it, and the role goes to a peer that can hold all.
func TestMissingAddressMovesTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		primary, secondary := startBeating(t, w, l, 0), startBeating(t, w, l, 1)
		primary.becomes(t, ha.Active, time.Second)
		secondary.becomes(t, ha.Standby, time.Second)
		time.Sleep(5 * time.Second)
		const fault = "the kernel refuses fd50::1/64"
		primary.held <- fault
		secondary.becomes(t, ha.Active, time.Second)
		primary.becomes(t, ha.Standby, time.Second)
		time.Sleep(time.Second)
		status, _ := primary.store.reported()
		want := contract.UnitHealth{Name: "addresses/wan", Message: fault}
		if !slices.Contains(status.Health, want) {
			t.Errorf("health %+v", status.Health)
		}
		// With the same fault on both units nothing is gained by another change.
		secondary.held <- fault
		time.Sleep(time.Minute)
		if secondary.role() != ha.Active {
			t.Error("the role moved although both units have the fault")
		}
	})
}

// Without the API server the permit runs out, and the gate is closed at its deadline and not later.
func TestFencedAtDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		primary := start(t, w, &link{}, 0)
		primary.becomes(t, ha.Active, time.Second)
		granted := time.Now()
		w.setAway(true)
		primary.all()
		primary.becomes(t, ha.Fenced, leaseDuration+time.Second)
		if held := time.Since(granted); held > leaseDuration+2*time.Millisecond {
			t.Errorf("forwarding for %s", held)
		}
		wantLines(t, primary.all()[:2], "close gate", "withdraw addresses")
		w.setAway(false)
		primary.becomes(t, ha.Active, time.Second)
	})
}

// A machine that was stopped for longer than the permit is noticed at once, although no timer ends.
func TestFencedAfterAStopOfTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		primary := start(t, w, &link{}, 0)
		primary.becomes(t, ha.Active, time.Second)
		w.setAway(true)
		primary.all()
		primary.ahead.Add(int64(2 * leaseDuration))
		primary.stopped.Notify()
		primary.becomes(t, ha.Fenced, 2*time.Millisecond)
		wantLines(t, primary.all()[:2], "close gate", "withdraw addresses")
	})
}

// A failed effect is a fact for the machine: it tries again, then gives the Lease up.
func TestFailingAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		l := &link{}
		w.setAway(true)
		primary := start(t, w, l, 0)
		primary.fail("attach addresses", errors.New("link is down"))
		w.setAway(false)
		secondary := start(t, w, l, 1)
		secondary.becomes(t, ha.Active, leaseDuration)
		attempts := 0
		for _, line := range primary.all() {
			if line == "attach addresses" {
				attempts++
			}
		}
		if attempts != 3 {
			t.Errorf("attached %d times", attempts)
		}
		if r := w.current(); r.Holder != "secondary/uid/1" {
			t.Errorf("lease %+v", r)
		}
	})
}

// A part that breaks ends the unit in order: the Lease is released before the process is gone.
func TestReplicationBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		primary := start(t, w, &link{}, 0)
		primary.becomes(t, ha.Active, time.Second)
		broken := errors.New("address in use")
		primary.end.breaks <- broken
		<-primary.done
		if !errors.Is(primary.err, broken) {
			t.Errorf("ended with %v", primary.err)
		}
		if r := w.current(); r.Holder != ha.Nobody || r.Giver != "primary/uid/1" {
			t.Errorf("lease %+v", r)
		}
	})
}

// A report that is broken or gone does not unsay what was in force.
func TestFirewallReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		u := start(t, w, &link{}, 0)
		u.becomes(t, ha.Active, time.Second)
		file := u.unit.config.FirewallStatusFile
		for _, text := range []string{
			`{"hash":"abc","refusedHash":"def","error":"policies[0].from: no such zone"}`, `{`, `[]`,
		} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			status, _ := u.store.reported()
			c := condition(status, "ConfigurationApplied")
			if c.Status != "False" || c.Reason != "Invalid" || c.Message != "policies[0].from: no such zone" {
				t.Errorf("after %s: %+v", text, c)
			}
		}
	})
}

// The handover of documents hears of the unit's role and of what is in force, and ends with the unit.
func TestDocumentsFollowTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		first := start(t, w, l, 0)
		first.becomes(t, ha.Active, time.Second)
		second := start(t, w, l, 1)
		second.becomes(t, ha.Standby, 10*time.Second)
		for u, wantActive := range map[*life]bool{first: true, second: false} {
			if active, inForce, running := u.documents.now(); active != wantActive || inForce != "abc" || !running {
				t.Errorf("active %v, in force %q, running %v", active, inForce, running)
			}
		}
		first.stop()
		<-first.done
		second.becomes(t, ha.Active, time.Second)
		if active, _, running := first.documents.now(); active || running {
			t.Errorf("the one that ended: active %v, running %v", active, running)
		}
		if active, _, _ := second.documents.now(); !active {
			t.Error("the successor is not told that it is active")
		}
	})
}

// A status that could not be written is written when that is possible, and only the newest.
func TestPublisherRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		w.setAway(true)
		u := start(t, w, &link{}, 0)
		u.store.setAway(true)
		w.setAway(false)
		u.becomes(t, ha.Active, time.Second)
		time.Sleep(20 * time.Second)
		if status, _ := u.store.reported(); status.Role == "Active" {
			t.Errorf("reported %+v", status)
		}
		u.store.setAway(false)
		time.Sleep(publishRetryMax)
		if status, _ := u.store.reported(); status.Role != "Active" {
			t.Errorf("reported %+v", status)
		}
	})
}

// A unit reports its role, its term and how it became active, and then writes nothing while nothing changes.
func TestUnitReportsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		first := start(t, w, l, 0)
		first.becomes(t, ha.Active, time.Second)
		second := start(t, w, l, 1)
		second.becomes(t, ha.Standby, 10*time.Second)
		time.Sleep(10 * time.Second)

		status, writes := first.store.reported()
		if status.Role != "Active" || status.Term != 1 || status.Incarnation != "primary/uid/1" ||
			status.Fence != contract.FenceBPF || status.ConfigurationHash != "abc" {
			t.Errorf("the active reports %+v", status)
		}
		if got := status.Health; len(got) != 1 || got[0].Name != "Firewall" || !got[0].Healthy {
			t.Errorf("health is %+v", got)
		}
		if c := status.Classes; len(c) != 1 || c[0].State != contract.ClassInSync || *c[0].Entries != 42 {
			t.Errorf("classes are %+v", c)
		}
		time.Sleep(10 * time.Minute)
		if _, later := first.store.reported(); later != writes {
			t.Errorf("%d writes in ten minutes in which nothing changed", later-writes)
		}

		first.stop()
		<-first.done
		second.becomes(t, ha.Active, time.Second)
		time.Sleep(time.Second)
		status, _ = second.store.reported()
		last := status.LastFailover
		if last == nil {
			t.Fatalf("no failover in %+v", status)
		}
		if last.From != "primary" || last.To != "secondary" || last.Term != 2 || last.Cause != contract.CauseStop ||
			*last.ConnectionsHeld != 42 || len(last.Steps) != 8 {
			t.Errorf("the failover is %+v", last)
		}
		if err := status.Validate(); err != nil {
			t.Error(err)
		}
	})
}

func TestHealth(t *testing.T) {
	now := time.Hour
	h := health{now: func() time.Duration { return now }}
	h.observe(ha.New(ha.Config{Self: "primary/uid/1", LeaseDuration: leaseDuration}))
	codes := func() []int {
		var all []int
		for _, good := range []func() bool{h.alive, h.ready} {
			r := httptest.NewRecorder()
			answer(good)(r, httptest.NewRequest(http.MethodGet, "/", nil))
			all = append(all, r.Code)
		}
		return all
	}
	if got := codes(); !slices.Equal(got, []int{200, 503}) {
		t.Errorf("starting: %v", got)
	}
	h.role = ha.Standby
	if got := codes(); !slices.Equal(got, []int{200, 200}) {
		t.Errorf("standby: %v", got)
	}
	now += stalled
	if got := codes(); got[0] != 503 {
		t.Errorf("stalled: %v", got)
	}
}
