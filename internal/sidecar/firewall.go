package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

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
	// firewallLimit bounds how many bytes of it are read.
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
	// unsteady is set if the rules were missing within steadyAfter.
	unsteady bool
}

func (f firewallStatus) inForce() bool { return f.Hash != "" }

// isSteady reports whether the rules are in force, and have been for a while if they were missing.
func (f firewallStatus) isSteady() bool { return f.inForce() && !f.unsteady }

// firewalls passes what is known of the firewall to the loop. Nobody waits for the loop, which may be busy.
type firewalls struct {
	// changed is set when the loop has to read again.
	changed notify.Signal

	mu    sync.Mutex
	known firewallStatus
	// wasInForce is set once rules were in force, and steadyFrom is when they count again.
	wasInForce bool
	steadyFrom time.Time
}

// change changes what is known, and tells act whether rules are in force before anybody else learns it.
func (f *firewalls) change(do func(*firewallStatus), act func(inForce bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.known
	do(&f.known)
	act(f.known.inForce())
	if f.known == before {
		return
	}
	if f.known.inForce() && !before.inForce() && f.wasInForce {
		f.steadyFrom = time.Now().Add(steadyAfter)
		time.AfterFunc(steadyAfter, f.changed.Notify)
	}
	f.wasInForce = f.wasInForce || f.known.inForce()
	f.changed.Notify()
}

func (f *firewalls) get() firewallStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.known
	known.unsteady = known.inForce() && time.Now().Before(f.steadyFrom)
	return known
}

// followFirewall passes every change of what is known of the firewall to the loop. The gate learns before that whether
// rules are in force, so that it waits for nobody.
func (s *Sidecar) followFirewall(ctx context.Context) {
	change := func(f func(*firewallStatus)) { s.firewalls.change(f, s.setRulesInForce) }
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
		case status != last:
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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return contract.FirewallStatus{}, nil
	}
	if err != nil {
		return contract.FirewallStatus{}, err
	}
	defer f.Close() //nolint:errcheck // Nothing was written that closing could lose.
	text, err := io.ReadAll(io.LimitReader(f, firewallLimit))
	if err != nil {
		return contract.FirewallStatus{}, fmt.Errorf("reading %s: %w", path, err)
	}
	var status contract.FirewallStatus
	if err := json.Unmarshal(text, &status); err != nil {
		return contract.FirewallStatus{}, fmt.Errorf("decoding %s: %w", path, err)
	}
	return status, nil
}
