package expectations

import (
	"slices"

	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// filter selects the expectations that are replicated. Source and sink share it, and both units have the same one: the
// sink writes, digests and prunes nothing that the source leaves out.
type filter struct {
	helpers []string
	own     *own.Addresses
}

// refresh reads the unit's own addresses.
func (f *filter) refresh() error { return f.own.Refresh() }

// takes reports whether an expectation is replicated.
func (f *filter) takes(e *conntrack.Expectation) bool {
	return slices.Contains(f.helpers, e.Helper) && e.Master.HasPorts() && e.Tuple.HasPorts() &&
		f.own.IsShared(e.Master.Src) && f.own.IsShared(e.Master.Dst) &&
		f.takesSource(e) && f.own.IsShared(e.Tuple.Dst) &&
		(!e.NAT.Address.IsValid() || f.own.IsShared(e.NAT.Address))
}

// takesSource reports whether the source of the expected connection is one that both units forward. Any source is.
func (f *filter) takesSource(e *conntrack.Expectation) bool {
	return e.Mask.Src.IsUnspecified() || f.own.IsShared(e.Tuple.Src)
}
