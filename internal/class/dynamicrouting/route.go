package dynamicrouting

import (
	"cmp"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// heldMetric returns the metric of the held route. A static route of the document has the distance 0 and precedes it.
func heldMetric(metric uint32) uint32 { return contract.HeldDistance<<24 | metric }

// keyOf returns the key of a route of the kernel.
func keyOf(r rtnetlink.MultipathRoute) key {
	k := key{to: r.To, metric: r.Metric}
	if r.Protocol == contract.HeldProtocol {
		k.metric &= maxMetric
	}
	return k
}

// valueOf returns the value of a route of the kernel, or false if the class does not replicate the route. It replicates
// what it would accept from the peer.
func (t *table) valueOf(r rtnetlink.MultipathRoute) (value, bool) {
	v := value{kind: r.Type}
	for _, h := range r.Hops {
		device, ok := t.nameOf(h.Interface)
		if !ok {
			return value{}, false
		}
		v.hops = append(v.hops, hop{device: device, via: h.Via, weight: h.Weight})
	}
	// The kernel lists the next hops of IPv6 in no certain order.
	slices.SortFunc(v.hops, func(a, b hop) int {
		return cmp.Or(cmp.Compare(a.device, b.device), a.via.Compare(b.via), cmp.Compare(a.weight, b.weight))
	})
	if _, err := parseKey(keyOf(r).encode()); err != nil || r.Special || v.check() != nil {
		return value{}, false
	}
	return v, true
}

// held returns the held route for an entry, or false while an interface of it is missing or down: the kernel would
// refuse it.
func (t *table) held(k key, v value) (rtnetlink.MultipathRoute, bool) {
	r := heldRoute(k)
	r.Type = v.kind
	for _, h := range v.hops {
		link, ok := t.links[h.device]
		if !ok || !link.Enabled {
			return r, false
		}
		r.Hops = append(r.Hops, rtnetlink.NextHop{Via: h.via, Interface: link.Index, Weight: h.weight})
	}
	return r, true
}

// heldRoute returns what identifies the held route for an entry.
func heldRoute(k key) rtnetlink.MultipathRoute {
	return rtnetlink.MultipathRoute{
		Table: contract.DataPlaneTable, To: k.to, Metric: heldMetric(k.metric), Protocol: contract.HeldProtocol,
	}
}

// isDown reports whether a route uses an interface that is missing, down, or without a carrier.
func (t *table) isDown(v value) bool {
	return slices.ContainsFunc(v.hops, func(h hop) bool { return !t.links[h.device].Up })
}

// without returns the value without some of its next hops.
func (v value) without(gone []hop) value {
	left := value{kind: v.kind}
	for _, h := range v.hops {
		if !slices.Contains(gone, h) {
			left.hops = append(left.hops, h)
		}
	}
	return left
}
