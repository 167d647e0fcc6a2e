package connectioncache

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// filter selects the connections that are replicated. Source and sink share it: the sink does not prune what the source
// leaves out. Only the source uses takesState.
type filter struct {
	protocols []uint8 // all when empty
	// tcpStates has a bit for each state in which TCP connections are replicated; all when zero.
	tcpStates uint16
	excluded  []netip.Prefix
	virtual   map[netip.Addr]struct{}
	// own are the unit's own addresses. The other unit does not take them over, so their connections are of no use there.
	// They change rarely, and are read again before each snapshot.
	own atomic.Pointer[map[netip.Addr]struct{}]
	// addresses reads them.
	addresses func() ([]netip.Addr, error)
}

func newFilter(o options.Options, virtual []netip.Addr, addresses func() ([]netip.Addr, error)) *filter {
	f := &filter{
		protocols: o.ProtocolNumbers(), virtual: map[netip.Addr]struct{}{}, addresses: addresses,
	}
	for _, state := range o.TCPStateNumbers() {
		f.tcpStates |= 1 << state
	}
	for _, p := range o.ExcludedNetworks {
		f.excluded = append(f.excluded, p.Masked())
	}
	for _, a := range virtual {
		f.virtual[a.Unmap()] = struct{}{}
	}
	f.own.Store(&map[netip.Addr]struct{}{})
	return f
}

// refresh reads the unit's own addresses. Virtual addresses do not belong to them, whichever unit has them.
func (f *filter) refresh() error {
	addresses, err := f.addresses()
	if err != nil {
		return fmt.Errorf("reading the unit's own addresses: %w", err)
	}
	own := map[netip.Addr]struct{}{}
	for _, a := range addresses {
		a = a.Unmap().WithZone("")
		if _, ok := f.virtual[a]; !ok {
			own[a] = struct{}{}
		}
	}
	f.own.Store(&own)
	return nil
}

// selection returns the part of the filter that the kernel applies before it sends events: what the policy excludes,
// which may be most of them. The rest is filtered here.
func (f *filter) selection() conntrack.Selection {
	return conntrack.Selection{Protocols: f.protocols, Excluded: f.excluded}
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
	// All four ends are checked, since one side of a translated connection may be the unit's own address.
	orig, reply := &flow.Orig, &flow.Reply
	return f.takesEnd(orig.Src) && f.takesEnd(orig.Dst) &&
		(reply.Src == orig.Dst || f.takesEnd(reply.Src)) && (reply.Dst == orig.Src || f.takesEnd(reply.Dst))
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// takesEnd reports whether connections of an address are replicated.
func (f *filter) takesEnd(end netip.Addr) bool {
	// Such addresses are valid on one link or host only, and no router forwards them.
	if end.IsLoopback() || end.IsUnspecified() || end == broadcast {
		return false
	}
	if end.IsLinkLocalUnicast() || end.IsLinkLocalMulticast() {
		return false
	}
	if _, ok := (*f.own.Load())[end]; ok {
		return false
	}
	return !slices.ContainsFunc(f.excluded, func(p netip.Prefix) bool { return p.Contains(end) })
}

// interfaceAddresses returns the addresses of all interfaces of this network namespace.
func interfaceAddresses() ([]netip.Addr, error) {
	networks, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, n := range networks {
		if n, ok := n.(*net.IPNet); ok {
			if a, ok := netip.AddrFromSlice(n.IP); ok {
				addresses = append(addresses, a.Unmap())
			}
		}
	}
	return addresses, nil
}
