package conntrack

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// End deletes entries of the calling thread's network namespace and returns how many it deleted. An entry that is gone
// already is no error. The kernel reports each deletion to the listeners. The next packet begins a new connection.
func End(flows []Flow) (ended int, err error) {
	if len(flows) == 0 {
		return 0, nil
	}
	table, err := OpenTable()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	requests := make([]Request, 0, len(flows))
	for _, f := range flows {
		requests = append(requests, Request{Operation: Delete, Flow: f})
	}
	results, err := table.Do(requests, nil)
	if err != nil {
		return 0, fmt.Errorf("ending connections: %w", err)
	}
	var errs []error
	for i, r := range results {
		switch {
		case r.Err == nil:
			ended++
		case !errors.Is(r.Err, unix.ENOENT) && len(errs) == 0: // One error stands for all.
			errs = append(errs, fmt.Errorf("ending connection %s: %w", flows[i].Orig, r.Err))
		}
	}
	return ended, errors.Join(errs...)
}
