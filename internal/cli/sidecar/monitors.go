package sidecar

import (
	"context"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/health"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// monitors adapts the monitors of the unit to the sidecar: their report is a fact of the machine.
type monitors struct {
	*health.Monitors
	// networks and probes are the names of what is monitored, in the order of the report's bits.
	networks, probes []string
}

func newMonitors(pair contract.Settings, kernel *rtnetlink.Conn, log logr.Logger) (monitors, error) {
	o := health.Options{Probes: pair.Probes, Virtual: virtualAddresses(pair), Kernel: kernel, Log: log}
	for _, n := range pair.Networks {
		o.Networks = append(o.Networks, n.Interface)
	}
	names := make([]string, len(pair.Probes))
	for i, p := range pair.Probes {
		names[i] = p.Name
	}
	m, err := health.New(o)
	return monitors{Monitors: m, networks: o.Networks, probes: names}, err
}

// Run reports the health, and the result of each check, until the context ends.
func (m monitors) Run(ctx context.Context, changed func(ha.Health, []contract.UnitHealth)) {
	m.Monitors.Run(ctx, func(r health.Report) {
		changed(ha.Health{Links: r.Links, Probes: r.Probes, Judged: r.Judged}, m.checks(r))
	})
}

// checks returns the result of each check. The report has a fault for each interface without its bit, and then for each
// probe that was judged and has no bit. A probe that was not judged has no result.
func (m monitors) checks(r health.Report) []contract.UnitHealth {
	var all []contract.UnitHealth
	faults := r.Faults
	add := func(name string, healthy bool) {
		check := contract.UnitHealth{Name: name, Healthy: healthy}
		if !healthy && len(faults) > 0 {
			check.Message, faults = faults[0], faults[1:]
		}
		all = append(all, check)
	}
	for i, network := range m.networks {
		add("network/"+network, r.Links>>i&1 == 1)
	}
	for i, probe := range m.probes {
		if r.Judged>>i&1 == 1 {
			add("probe/"+probe, r.Probes>>i&1 == 1)
		}
	}
	return all
}
