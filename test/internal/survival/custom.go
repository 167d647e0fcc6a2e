package survival

import (
	"context"
	"fmt"
)

// Custom has tickets of the provider of a third party.
type Custom struct {
	// Probe has a client ask the provider of the active unit: begin, check or end a ticket.
	Probe func(ctx context.Context, action, ticket string) error

	started
	issued []string
}

// Serve implements Sessions. The provider runs in the pods.
func (c *Custom) Serve(context.Context) error { return nil }

// Prepare implements Sessions.
func (c *Custom) Prepare(ctx context.Context) error {
	ticket := fmt.Sprintf("client-%d", len(c.issued)+1)
	err := eventually(ctx, "ticket "+ticket, func(ctx context.Context) error { return c.Probe(ctx, "begin", ticket) })
	c.issued = append(c.issued, ticket)
	return err
}

// Check implements Sessions.
func (c *Custom) Check(ctx context.Context) (proofs []Proof) {
	for _, ticket := range c.issued {
		proofs = append(proofs, Proof{
			What: "ticket " + ticket + " of a provider in shell", NeedsClass: true,
			Err: eventually(ctx, "the ticket", func(ctx context.Context) error { return c.Probe(ctx, "check", ticket) }),
		})
	}
	return proofs
}
