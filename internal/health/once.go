package health

import (
	"context"
	"net/netip"

	"github.com/hapair-io/hapair/internal/contract"
)

// Origin is where a single probe is sent from.
type Origin struct {
	// Interface is the name of the interface, and Index its index.
	Interface string
	Index     int
	// Address is the source address.
	Address netip.Addr
	// Mark is the mark of the packets; 0 for none. It needs NET_ADMIN.
	Mark uint32
}

// Once probes a target once, and returns why it is not reached. Of the probe, only type, host, port and path count. The
// context bounds how long it takes.
func Once(ctx context.Context, p contract.Probe, from Origin) error {
	_, ask, err := asking(p)
	if err != nil {
		return err
	}
	return ask(ctx, origin{name: from.Interface, index: from.Index, address: from.Address, mark: from.Mark})
}
