package sidecar

import (
	"context"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/health"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// monitors are those of the unit as the sidecar wants them: their report is a fact of the machine.
type monitors struct{ *health.Monitors }

func newMonitors(pair contract.Settings, kernel *rtnetlink.Conn, log logr.Logger) (monitors, error) {
	o := health.Options{Probes: pair.Probes, Virtual: virtualAddresses(pair), Kernel: kernel, Log: log}
	for _, n := range pair.Networks {
		o.Networks = append(o.Networks, n.Interface)
	}
	m, err := health.New(o)
	return monitors{m}, err
}

// Run tells the health, and each fault in words, until the context ends.
func (m monitors) Run(ctx context.Context, changed func(ha.Health, []string)) {
	m.Monitors.Run(ctx, func(r health.Report) {
		changed(ha.Health{Links: r.Links, Probes: r.Probes, Judged: r.Judged}, r.Faults)
	})
}
