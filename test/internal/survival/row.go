package survival

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// Site is where the rows run: a host on each side of the pair, and the units between them.
type Site struct {
	LAN, WAN endurance.Namespace
	// Active returns the network namespace of the unit that is active now.
	Active func(context.Context) (endurance.Namespace, error)
}

// Row is what needs a class of state.
type Row struct {
	// Class is the name of the class in a SyncPolicy, or of the feature if it needs no class.
	Class string
	Sessions
}

// Sessions are those of clients and servers.
type Sessions interface {
	// Serve starts the servers.
	Serve(ctx context.Context) error
	// Prepare opens sessions at its first call, and returns when they work. It may take long.
	Prepare(ctx context.Context) error
	// Announce leaves something on the active unit that Check uses. The firewall may keep it for a minute only.
	Announce(ctx context.Context) error
	// Check uses everything after the role has moved.
	Check(ctx context.Context) []Proof
	// Close ends everything. It is called even if Serve fails.
	Close()
}

// Settler is implemented by a row that must be ready before other rows open their sessions.
type Settler interface {
	// Settle waits until the row is ready. It is called before each Prepare.
	Settle(ctx context.Context) error
}

// Proof is one thing that goes on after the role has moved, or does not.
type Proof struct {
	What string
	// NeedsClass is set if it must break when the class is skipped.
	NeedsClass bool
	// Err is why it does not go on.
	Err error
}

// Report is a proof with the class that it is about.
type Report struct {
	Class string
	Proof
}

// Print prints one line.
func (r Report) Print(w io.Writer) {
	result := "goes on"
	if r.Err != nil {
		result = "BROKEN: " + r.Err.Error()
	}
	_, _ = fmt.Fprintf(w, "  %-22s %-62s %s\n", r.Class, r.What, result)
}

// Run is all rows at once.
type Run []Row

// Serve starts the servers of all rows.
func (r Run) Serve(ctx context.Context) error {
	for _, row := range r {
		if err := row.Serve(ctx); err != nil {
			return fmt.Errorf("%s: %w", row.Class, err)
		}
	}
	return nil
}

// Prepare opens the sessions of all rows at once.
func (r Run) Prepare(ctx context.Context) error {
	err := r.all(func(row Row) error {
		if settler, ok := row.Sessions.(Settler); ok {
			return settler.Settle(ctx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.all(func(row Row) error { return row.Prepare(ctx) })
}

// Announce announces what Check uses, in all rows at once.
func (r Run) Announce(ctx context.Context) error {
	return r.all(func(row Row) error { return row.Announce(ctx) })
}

// all calls do for all rows at once.
func (r Run) all(do func(Row) error) error {
	errs := make([]error, len(r))
	r.each(func(i int, row Row) {
		if err := do(row); err != nil {
			errs[i] = fmt.Errorf("%s: %w", row.Class, err)
		}
	})
	return errors.Join(errs...)
}

// Check checks all rows at once, and reports them in their order.
func (r Run) Check(ctx context.Context) (reports []Report) {
	proofs := make([][]Proof, len(r))
	r.each(func(i int, row Row) { proofs[i] = row.Check(ctx) })
	for i, row := range r {
		for _, proof := range proofs[i] {
			reports = append(reports, Report{Class: row.Class, Proof: proof})
		}
	}
	return reports
}

// Close ends all rows.
func (r Run) Close() { r.each(func(_ int, row Row) { row.Close() }) }

func (r Run) each(do func(int, Row)) {
	var done sync.WaitGroup
	for i, row := range r {
		done.Go(func() { do(i, row) })
	}
	done.Wait()
}
