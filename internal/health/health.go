package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Report is the state of all monitors of the unit.
type Report struct {
	// Links has a bit for each network, in the order of the options: set while its interface can carry traffic.
	Links uint16
	// Probes has a bit for each probe, in the order of the options: set while the unit reaches its target. Judged is set
	// where it knows.
	Probes, Judged uint16
	// Checks are the results by name, with the faults for people; those of interfaces come first. A probe that has not
	// been judged yet, or for which the unit has no address, has no check.
	Checks []contract.UnitHealth
}

// Kernel looks up interfaces.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Addresses(index int) ([]netip.Prefix, error)
}

// Options are the settings of the monitors.
type Options struct {
	// Networks are the traffic interfaces, and Probes the targets; at most 16 of each.
	Networks []string
	Probes   []contract.Probe
	// Virtual are the virtual addresses, which do not count as the unit's own.
	Virtual []netip.Addr
	Kernel  Kernel
	Log     logr.Logger
}

// Monitors watch one unit.
type Monitors struct {
	networks []string
	probes   []*probe
	kernel   Kernel
	// follow reports changes of interfaces.
	follow func(ctx context.Context, changed func()) error
	log    logr.Logger
}

// New returns the monitors. They start with Run.
func New(o Options) (*Monitors, error) {
	m := &Monitors{networks: o.Networks, kernel: o.Kernel, follow: rtnetlink.FollowLinks, log: o.Log}
	var errs []error
	if len(o.Networks) > contract.MaxMonitored || len(o.Probes) > contract.MaxMonitored {
		errs = append(errs, fmt.Errorf("%d networks and %d probes are too many: there is room for %d of each",
			len(o.Networks), len(o.Probes), contract.MaxMonitored))
	}
	for _, s := range o.Probes {
		p, err := newProbe(s, o)
		errs = append(errs, err)
		m.probes = append(m.probes, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("making the monitors: %w", err)
	}
	return m, nil
}

// Run monitors until the context ends. It calls changed with the first report, when it has looked up the interfaces,
// and then with each report that differs from the previous one. It makes one call at a time.
func (m *Monitors) Run(ctx context.Context, changed func(Report)) {
	b := &board{links: make([]entry, len(m.networks)), probes: make([]entry, len(m.probes)), changed: changed}
	for _, network := range m.networks {
		b.linkChecks = append(b.linkChecks, contract.CheckOfNetwork(network))
	}
	for _, p := range m.probes {
		b.probeChecks = append(b.probeChecks, contract.CheckOfProbe(p.Name))
	}
	var running sync.WaitGroup
	running.Go(func() { m.watchLinks(ctx, b) })
	for i, p := range m.probes {
		running.Go(func() { p.run(ctx, func(e entry) { b.setProbe(i, e) }) })
	}
	running.Wait()
}
