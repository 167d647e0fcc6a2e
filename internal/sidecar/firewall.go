package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// firewallInterval is how often the firewall's report is read. The file is small and in memory, and polling cannot
	// break unnoticed, as a watch can.
	firewallInterval = 200 * time.Millisecond
	// firewallLimit bounds how many bytes of it are read.
	firewallLimit = 64 << 10
)

// firewallStatus is the firewall's report. It is zero until the firewall has reported.
type firewallStatus contract.FirewallStatus

func (f firewallStatus) inForce() bool { return f.Hash != "" }

// followFirewall passes every change of the report to the loop. A report that cannot be read is logged once. It does
// not replace the earlier one, since the ruleset in the kernel is unchanged.
func (s *Sidecar) followFirewall(ctx context.Context) {
	ticker := time.NewTicker(firewallInterval)
	defer ticker.Stop()
	var last firewallStatus
	var lastProblem string
	for {
		status, err := readFirewallStatus(s.config.FirewallStatusFile)
		problem := ""
		switch {
		case err != nil:
			if problem = err.Error(); problem != lastProblem {
				s.log.Error(err, "Reading the firewall's report")
			}
		case status != last:
			last = status
			if err := s.config.Gate.SetRulesInForce(status.inForce()); err != nil {
				s.log.Error(err, "Setting whether rules are in force")
			}
			select {
			case s.firewalls <- status:
			case <-ctx.Done():
			}
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
func readFirewallStatus(path string) (firewallStatus, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return firewallStatus{}, nil
	}
	if err != nil {
		return firewallStatus{}, err
	}
	defer f.Close() //nolint:errcheck // Nothing was written that closing could lose.
	text, err := io.ReadAll(io.LimitReader(f, firewallLimit))
	if err != nil {
		return firewallStatus{}, fmt.Errorf("reading %s: %w", path, err)
	}
	var status firewallStatus
	if err := json.Unmarshal(text, &status); err != nil {
		return firewallStatus{}, fmt.Errorf("decoding %s: %w", path, err)
	}
	return status, nil
}
