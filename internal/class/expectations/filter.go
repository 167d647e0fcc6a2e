package expectations

import (
	"net/netip"
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
		f.takesSaved(e.NAT.Address)
}

// takesSaved reports whether the saved address of a translation is one that both units forward. A helper that saves a
// port alone, such as that of FTP, leaves the address 0.
func (f *filter) takesSaved(a netip.Addr) bool {
	return !a.IsValid() || a.IsUnspecified() || f.own.IsShared(a)
}

// takesSource reports whether the source of the expected connection is one that both units forward. Any source is.
func (f *filter) takesSource(e *conntrack.Expectation) bool {
	return e.Mask.Src.IsUnspecified() || f.own.IsShared(e.Tuple.Src)
}
