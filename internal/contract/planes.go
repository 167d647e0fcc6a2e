package contract

import "slices"

// PodInterface is the interface by which a pod is connected to the pod network, as Kubernetes' runtimes name it.
const PodInterface = "eth0"

// TunnelInterface is the interface at which decrypted packets of tunnels arrive, and by which packets for tunnels
// leave. The container vpn makes it.
const TunnelInterface = "ipsec0"

// The data plane's routing, which the sidecar and the firewall of a unit share. The traffic interfaces use a routing
// table of their own. The control plane (peer, API server, probes of the kubelet) uses the main table.
const (
	// DataPlaneTable is the number of the data plane's routing table, of both families.
	DataPlaneTable = 7780
	// DataPlanePriority is the priority of the rules that look up DataPlaneTable. The kernel looks up lower numbers first,
	// so policy routes have lower ones.
	DataPlanePriority = 7780
	// DataPlaneMark is the bit of a packet's mark that selects DataPlaneTable, and the mask for it. The firewall sets it
	// on packets that arrive at a traffic interface. Lookups that do not know the interface, such as the reverse path
	// filter's, then use the table too. Other bits of the mark keep their value.
	DataPlaneMark = 0x40000000
	// SpecificMark is a second bit, set together with DataPlaneMark. A lookup of the unit itself with both finds only
	// routes whose prefix has at least SpecificBits bits. So a default route does not count, nor half of one. The
	// firewall sets it while it looks up the source of a packet, and clears it afterwards.
	SpecificMark = 0x20000000
	SpecificBits = 4
	// GateMark is a third bit. The gate of nftables sets it on packets that arrive while it is open.
	GateMark = 0x10000000
	// LinkMask has the bits of a packet's mark and of a connection's that are the number of a link to the Internet,
	// shifted by LinkShift. A connection without a link has 0 there.
	LinkMask  = 0x00ff0000
	LinkShift = 16
	// CheckedMark and JudgedMark are two more bits. The firewall's rules set the first on a packet whose source passed the
	// checks, and the second on a packet to the unit when its chain for such packets begins. Later rules drop what lacks
	// them. So a chain that somebody empties lets nothing pass.
	CheckedMark = 0x08000000
	JudgedMark  = 0x04000000
	// DestinationMark and SourceMark do the same for the chains that translate the first packet of a connection.
	DestinationMark = 0x02000000
	SourceMark      = 0x01000000
	// OwnMarks are all bits of a mark that the unit uses.
	OwnMarks = DataPlaneMark | SpecificMark | GateMark | CheckedMark | JudgedMark | DestinationMark | SourceMark |
		LinkMask
	// RequiredPriority is the priority of the rules that drop packets of segments without a required mark. They come
	// before the policy routes.
	RequiredPriority = PolicyRoutePriority - 1
	// ConnectedProtocol is the protocol number of the routes and rules that the sidecar owns.
	ConnectedProtocol = 178
	// RoutingProtocol is the protocol number of the routes and rules that the firewall owns.
	RoutingProtocol = 179
	// HeldProtocol is the protocol number of routes that the other unit learned from its neighbours.
	HeldProtocol = 180
	// HeldDistance is the upper byte of the metric of such routes. The daemon zebra takes it as the administrative
	// distance of a route that is not its own. Those of its protocols are at most 200, so what this unit learns itself
	// takes precedence.
	HeldDistance = 201
)

// Protocol numbers of the routes that routing daemons learn (lib/zebra.h of FRR, and /etc/iproute2/rt_protos). OSPFv2
// and OSPFv3 have the same.
const (
	zebraProtocol = 11
	birdProtocol  = 12
	babelProtocol = 42
	BGPProtocol   = 186
	isisProtocol  = 187
	OSPFProtocol  = 188
	RIPProtocol   = 189
	RIPngProtocol = 190
	eigrpProtocol = 192
)

// IsLearned reports whether routes with a protocol number were learned from other routers, by a program such as FRR or
// BIRD. Somebody has configured that program to set them.
func IsLearned(protocol uint8) bool {
	return slices.Contains([]uint8{
		zebraProtocol, birdProtocol, babelProtocol, BGPProtocol, isisProtocol, OSPFProtocol, RIPProtocol, RIPngProtocol,
		eigrpProtocol,
	}, protocol)
}

// The ranges of the policy routes of a FirewallConfiguration. The one at position n uses priority PolicyRoutePriority+n
// and table PolicyRouteTable+n. A node or an image of a third party must not use them in a unit's pod.
const (
	PolicyRoutePriority = 7000
	PolicyRouteTable    = 7800
	// MaxPolicyRoutes bounds n. The rules of the data plane have greater priorities.
	MaxPolicyRoutes = 128
)

// The ranges of the links of a FirewallConfiguration. The link with number n, from 1 to 255, has table LinkTable+n. Its
// packets pass two rules: the first finds the routes that are no default route, and the second those of the link. The
// next two rules do the same for what the unit sends from an address of the link. All come after the policy routes.
const (
	LinkTable    = PolicyRouteTable + MaxPolicyRoutes
	LinkPriority = PolicyRoutePriority + MaxPolicyRoutes
)
