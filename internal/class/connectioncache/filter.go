package connectioncache

import (
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// filter selects the connections that are replicated. Source and sink share it, and both units have the same one: the
// sink writes, digests and prunes nothing that the source leaves out. Only the source uses takesState.
type filter struct {
	protocols []uint8 // all when empty
	// tcpStates has a bit for each state in which TCP connections are replicated; all when zero.
	tcpStates uint16
	excluded  []netip.Prefix
	// own are the addresses whose connections the other unit does not take over.
	own *own.Addresses
	// parts are the connections of classes that are not replicated.
	parts parts
}

func newFilter(o options.Options, own *own.Addresses) *filter {
	f := &filter{protocols: o.ProtocolNumbers(), own: own}
	for _, state := range o.TCPStateNumbers() {
		f.tcpStates |= 1 << state
	}
	for _, p := range o.ExcludedNetworks {
		f.excluded = append(f.excluded, p.Masked())
	}
	return f
}

// refresh reads the unit's own addresses.
func (f *filter) refresh() error { return f.own.Refresh() }

// selection returns the part of the filter that the kernel applies before it sends events: what the policy excludes,
// which may be most of them. The rest is filtered here.
func (f *filter) selection() conntrack.Selection {
	return conntrack.Selection{Protocols: f.protocols, Excluded: f.excluded, Expectations: true}
}

// takesState reports whether a connection is replicated in its present state. The end of a connection always is,
// because the connection may have been in another state before.
func (f *filter) takesState(flow *conntrack.Flow) bool {
	if f.tcpStates == 0 || flow.Orig.Protocol != conntrack.ProtocolTCP || !flow.Fields.Has(conntrack.FieldTCPState) {
		return true
	}
	return f.tcpStates&(1<<flow.TCP.State) != 0
}

// takes reports whether a connection is replicated.
func (f *filter) takes(flow *conntrack.Flow) bool {
	if len(f.protocols) > 0 && !slices.Contains(f.protocols, flow.Orig.Protocol) {
		return false
	}
	if f.parts.have(flow) || f.isOfProcess(flow) {
		return false
	}
	// All four ends are checked, since one side of a translated connection may be the unit's own address.
	orig, reply := &flow.Orig, &flow.Reply
	return f.takesEnd(orig.Src) && f.takesEnd(orig.Dst) &&
		(reply.Src == orig.Dst || f.takesEnd(reply.Src)) && (reply.Dst == orig.Src || f.takesEnd(reply.Dst)) &&
		(!flow.Fields.Has(conntrack.FieldMaster) || f.takesEnd(flow.Master.Src) && f.takesEnd(flow.Master.Dst))
}

// takesEnd reports whether connections of an address are replicated.
func (f *filter) takesEnd(end netip.Addr) bool {
	return f.own.IsShared(end) &&
		!slices.ContainsFunc(f.excluded, func(p netip.Prefix) bool { return p.Contains(end) })
}
