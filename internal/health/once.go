package health

import (
	"context"

	"github.com/hapair-io/hapair/internal/contract"
)

// Once probes a target once, and returns why it is not reached. Of the probe, only type, host, port and path count. The
// context bounds how long it takes.
func Once(ctx context.Context, p contract.Probe, from Origin) error {
	_, ask, err := asking(p)
	if err != nil {
		return err
	}
	return ask(ctx, from)
}
