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
type monitors struct{ *health.Monitors }

// newMonitors returns the monitors that the settings ask for.
func newMonitors(pair contract.Settings, kernel *rtnetlink.Conn, log logr.Logger) (monitors, error) {
	o := health.Options{Probes: pair.Probes, Virtual: virtualAddresses(pair), Kernel: kernel, Log: log}
	for _, n := range pair.Networks {
		o.Networks = append(o.Networks, n.Interface)
	}
	m, err := health.New(o)
	return monitors{m}, err
}

// Run reports the health, and the result of each check, until the context ends.
func (m monitors) Run(ctx context.Context, changed func(ha.Health, []contract.UnitHealth)) {
	m.Monitors.Run(ctx, func(r health.Report) {
		changed(ha.Health{Links: r.Links, Probes: r.Probes, Judged: r.Judged}, r.Checks)
	})
}
