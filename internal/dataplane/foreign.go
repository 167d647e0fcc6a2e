package dataplane

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// isOwn reports whether a route or rule has the protocol of the sidecar or the firewall.
func isOwn(protocol uint8) bool {
	return protocol == contract.ConnectedProtocol || protocol == contract.RoutingProtocol
}

// isLearned reports whether a route was learned by the routing daemons of one of the units. They set routes in the data
// plane's own table only.
func isLearned(r rtnetlink.Route) bool {
	return r.Table == contract.DataPlaneTable &&
		(r.Protocol == contract.HeldProtocol || contract.IsLearned(r.Protocol))
}

// foreignRoutes returns the routes of other programs in tables that the data plane looks up: its own, those of policy
// routes, and the local one. Any of them may be more specific than a route of ours, or have a better metric. In the
// local table the kernel has its own, which an old kernel lists without a protocol. Learned routes stay if the units
// have routing daemons.
func (h host) foreignRoutes(hasDaemons bool) []rtnetlink.Route {
	var all []rtnetlink.Route
	for _, r := range h.routes {
		isPolicy := r.Table >= contract.PolicyRouteTable && r.Table < contract.PolicyRouteTable+contract.MaxPolicyRoutes
		switch {
		case hasDaemons && isLearned(r):
		case (r.Table == contract.DataPlaneTable || isPolicy) && !isOwn(r.Protocol),
			r.Table == unix.RT_TABLE_LOCAL && r.Protocol != protocolKernel && r.Protocol != unix.RTPROT_UNSPEC:
			all = append(all, r)
		}
	}
	return all
}

// foreignRules returns the rules of other programs that the kernel applies to packets of the data plane before the last
// rule of ours. Those for packets with marks of another program stay: nothing else sets such a mark.
func foreignRules(present []rtnetlink.Rule) []rtnetlink.Rule {
	var all []rtnetlink.Rule
	for _, r := range present {
		isMarked := r.Mask&^contract.OwnMarks&r.Mark != 0
		if r.Priority <= refusalPriority && r.Protocol != protocolKernel && !isOwn(r.Protocol) && !isMarked &&
			!isKernelRule(r) {
			all = append(all, r)
		}
	}
	return all
}

// isKernelRule reports whether a rule is one with which the kernel begins. Any program may have put it back.
func isKernelRule(r rtnetlink.Rule) bool {
	return slices.ContainsFunc(kernelRules(), func(k rtnetlink.Rule) bool {
		k.Action, k.Protocol = rtnetlink.Lookup, r.Protocol
		return k == r
	})
}
