package pair

import (
	"context"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// openFor is longer than a test takes.
const openFor = time.Hour

// newGate puts a closed gate on the router, which opens as if rules were always in force.
func newGate(networks []addresses.Network, kernel *rtnetlink.Conn, log logr.Logger) (*gate.Gate, error) {
	var interfaces []string
	var virtual []netip.Addr
	for _, n := range networks {
		interfaces = append(interfaces, n.Interface)
		for _, a := range n.Addresses {
			virtual = append(virtual, a.Addr())
		}
	}
	g, err := gate.New(gate.Options{
		Interfaces: interfaces, Virtual: virtual, Kernel: kernel, Now: clock.Boot, SourcesChecked: true, Log: log,
	})
	if err != nil {
		return nil, err
	}
	return g, g.SetRulesInForce(true)
}

func (p *process) openGate(ctx context.Context) error {
	if p.gate == nil {
		return nil
	}
	return p.gate.Set(ctx, gate.Config{Until: clock.Boot() + openFor})
}

func (p *process) closeGate(ctx context.Context) error {
	if p.gate == nil {
		return nil
	}
	return p.gate.Set(ctx, gate.Config{})
}
