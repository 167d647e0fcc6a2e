package endurance

import "context"

// flow is an exchange whose server sees the client at an address that must not change.
type flow struct {
	task
	exchange *exchange
	clients  clientAddresses
	// rivalPort is the port or identifier of the rival, or zero without one.
	rivalPort uint16
}

// Reset implements Traffic. It does not discard the addresses of the client.
func (f *flow) Reset() { f.exchange.reset() }

// Check implements Traffic.
func (f *flow) Check(ctx context.Context) (report Report) {
	if report.Err = f.exchange.finish(ctx, &report); report.Err == nil {
		report.Err = f.clients.checkSame(f.rivalPort)
	}
	return report
}
