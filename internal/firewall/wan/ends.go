package wan

import (
	"context"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// EndConnections ends the connections with the marks of links, and those that their helpers announced. It returns how
// many of each link it ended. The next packet of such a connection begins a new one. The kernel of the active reports
// each end to the standby.
func EndConnections(ctx context.Context, marks map[string]uint32) (ended map[string]int, err error) {
	if len(marks) == 0 {
		return nil, nil
	}
	of, expected := map[uint32][]conntrack.Flow{}, []conntrack.Flow{}
	for _, mark := range marks {
		of[mark] = nil
	}
	err = conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if flows, isEnded := of[f.Mark&contract.LinkMask]; isEnded {
			of[f.Mark&contract.LinkMask] = append(flows, f)
		} else if f.Fields.Has(conntrack.FieldMaster) {
			expected = append(expected, f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading connections: %w", err)
	}
	ended = map[string]int{}
	var errs []error
	for name, mark := range marks {
		n, err := conntrack.End(append(of[mark], conntrack.ExpectedBy(of[mark], expected)...))
		ended[name] = n
		errs = append(errs, err)
	}
	return ended, errors.Join(errs...)
}
