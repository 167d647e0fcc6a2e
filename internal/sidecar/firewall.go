package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/enforcement"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// firewallInterval is how often the firewall's report is read. The file is small and in memory, and polling cannot
	// break unnoticed, as a watch can.
	firewallInterval = 200 * time.Millisecond
	// steadyAfter is how long rules must be in force again before the unit counts them. Somebody who removes them more
	// often interrupts the traffic all the time, and then the peer must get its turn. It is shorter than the shortest
	// damping, so that rules that are removed once do not move the role.
	steadyAfter = 500 * time.Millisecond
	// contestWithin is how long restored rules must stay in force before another loss of them counts as the first one. It
	// is longer than the firewall waits between two restorations.
	contestWithin = 80 * time.Millisecond
	// firewallLimit bounds the bytes of the report of the firewall.
	firewallLimit = 64 << 10
)

// firewallStatus is what is known of the firewall. Hash is the document in force, by the kernel or, for a firewall of a
// third party, by its report. The rest of the report only explains. It is zero until something is known.
type firewallStatus struct {
	contract.FirewallStatus
	// missing is why no document is in force.
	missing string
	// foreign are the chains of other programs, as one text.
	foreign string
	// unsteady is what was missing within steadyAfter; empty if nothing was.
	unsteady string
}

func (f firewallStatus) inForce() bool { return f.Hash != "" }

// isSteady reports whether the rules are in force, and have been for a while if they or the gate were missing.
func (f firewallStatus) isSteady() bool { return f.inForce() && f.unsteady == "" }

// firewalls passes what is known of the firewall to the loop. Nobody waits for the loop, which may be busy.
type firewalls struct {
	// changed is set when the loop has to read again.
	changed notify.Signal

	mu    sync.Mutex
	known firewallStatus
	// wasInForce is set once rules were in force, and steadyFrom is when they count again. Until then, lost is what was
	// missing.
	wasInForce bool
	steadyFrom time.Time
	lost       string
	// isContested is set while somebody changes the rules as soon as they are back. They count for the gate from
	// settledFrom on.
	isContested bool
	settledFrom time.Time
	// contested wakes settle when settledFrom has moved.
	contested notify.Signal
}

// newFirewalls returns one that knows nothing yet.
func newFirewalls() firewalls { return firewalls{changed: notify.New(), contested: notify.New()} }

// change changes what is known, and tells act whether the gate may be open before anybody else learns it.
//
// Altered rules close the gate some milliseconds later, and restored ones open it at once. A program that alters them
// each time they are back would so get its own rules through for a part of the time. If it does that within
// contestWithin, the gate stays closed until the rules have been in force for as long.
func (f *firewalls) change(do func(*firewallStatus), act func(mayOpen bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, now := f.known, time.Now()
	do(&f.known)
	switch {
	case !f.wasInForce || f.known.inForce() == before.inForce():
	case f.known.inForce():
		f.settledFrom = now.Add(contestWithin)
		f.contested.Notify()
		f.lose(now, "the firewall's rules were missing a moment ago")
	case now.Before(f.settledFrom):
		f.isContested = true
	}
	act(f.mayOpen(now))
	if reflect.DeepEqual(f.known, before) {
		return
	}
	f.wasInForce = f.wasInForce || f.known.inForce()
	f.changed.Notify()
}

// gateRepaired counts a gate that somebody removed or altered like rules that were missing. Nothing was forwarded until
// it was put back, however often that happens.
func (f *firewalls) gateRepaired(wrong error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wasInForce {
		f.lose(time.Now(), "the gate was removed or altered a moment ago: "+wrong.Error())
		f.changed.Notify()
	}
}

// lose records that something was missing until now.
func (f *firewalls) lose(now time.Time, what string) {
	f.steadyFrom, f.lost = now.Add(steadyAfter), what
	time.AfterFunc(steadyAfter, f.changed.Notify)
}

// mayOpen ends a contest that is over, and reports whether the gate may be open.
func (f *firewalls) mayOpen(now time.Time) bool {
	if f.known.inForce() && !now.Before(f.settledFrom) {
		f.isContested = false
	}
	return f.known.inForce() && !f.isContested
}

// untilSettled returns how long restored rules must stay in force until they count for the gate.
func (f *firewalls) untilSettled() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Until(f.settledFrom)
}

// settle calls act at the end of each contest, until the context ends.
func (f *firewalls) settle(ctx context.Context, act func(mayOpen bool)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.contested:
		}
		for wait := f.untilSettled(); wait > 0; wait = f.untilSettled() {
			if !backoff.Sleep(ctx, wait) {
				return
			}
		}
		f.mu.Lock()
		if f.isContested {
			act(f.mayOpen(time.Now()))
		}
		f.mu.Unlock()
	}
}

func (f *firewalls) get() firewallStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.known
	if known.inForce() && time.Now().Before(f.steadyFrom) {
		known.unsteady = f.lost
	}
	return known
}

// followFirewall passes every change of what is known of the firewall to the loop. The gate learns before that whether
// rules are in force, so that it waits for nobody.
func (s *Sidecar) followFirewall(ctx context.Context) {
	change := func(f func(*firewallStatus)) { s.firewalls.change(f, s.setRulesInForce) }
	s.work(func() { s.firewalls.settle(ctx, s.setRulesInForce) })
	s.work(func() {
		s.followReport(ctx, func(report contract.FirewallStatus) {
			if s.config.Reported != nil {
				s.config.Reported(report)
			}
			change(func(f *firewallStatus) {
				if s.config.Rules != nil {
					report.Hash = f.Hash
				}
				f.FirewallStatus = report
			})
		})
	})
	if s.config.Rules == nil {
		return
	}
	s.work(func() {
		s.config.Rules.Run(ctx, func(state enforcement.State) {
			change(func(f *firewallStatus) {
				f.Hash, f.missing, f.foreign = state.Document, state.Reason, strings.Join(state.Foreign, ", ")
			})
		})
	})
}

// setRulesInForce sets the second input of the gate.
func (s *Sidecar) setRulesInForce(inForce bool) {
	err := s.config.Gate.SetRulesInForce(inForce)
	switch {
	case err == nil:
	case errors.Is(err, gate.ErrRepaired) && s.config.Rules != nil:
		s.config.Rules.Recheck()
	default:
		s.log.Error(err, "Telling the gate whether rules are in force", "inForce", inForce)
	}
}

// followReport calls changed with every change of the report. A report that cannot be read is logged once. It does not
// replace the earlier one, since the ruleset in the kernel is unchanged.
func (s *Sidecar) followReport(ctx context.Context, changed func(contract.FirewallStatus)) {
	ticker := time.NewTicker(firewallInterval)
	defer ticker.Stop()
	old := newReportGuard(s.config.NamespaceFile, s.config.FirewallStatusFile, s.log)
	var last contract.FirewallStatus
	var lastProblem string
	for {
		status, err := readFirewallStatus(s.config.FirewallStatusFile)
		problem := ""
		switch {
		case err != nil:
			if problem = err.Error(); problem != lastProblem {
				s.log.Error(err, "Reading the firewall's report")
			}
		case old.covers(s.config.FirewallStatusFile):
		case !reflect.DeepEqual(status, last):
			changed(status)
			if status.RoutingError != last.RoutingError {
				s.routes.Notify()
			}
			last = status
		case s.config.Rules == nil && status.Hash != "":
			s.setRulesInForce(true) // A gate that was put back waits for it.
		}
		lastProblem = problem
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// readFirewallStatus reads the report. A firewall that has not written one yet enforces nothing.
func readFirewallStatus(path string) (contract.FirewallStatus, error) {
	text, err := bounded.ReadFile(path, firewallLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return contract.FirewallStatus{}, nil
	}
	if err != nil {
		return contract.FirewallStatus{}, err
	}
	var status contract.FirewallStatus
	if err := json.Unmarshal(text, &status); err != nil {
		return contract.FirewallStatus{}, fmt.Errorf("decoding %s: %w", path, err)
	}
	return status, nil
}
