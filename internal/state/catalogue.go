package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	connectioncache "github.com/hapair-io/hapair/internal/class/connectioncache/options"
)

// Default is whether a class is replicated when no SyncPolicy chooses.
type Default uint8

// The defaults of a class.
const (
	// Replicated classes are replicated unless a SyncPolicy skips them.
	Replicated Default = iota + 1
	// NotReplicated classes are replicated only if a SyncPolicy asks for it.
	NotReplicated
	// Always marks classes that are replicated in every pair. A SyncPolicy must not name them.
	Always
	// Never marks classes that are replicated in no pair. A SyncPolicy must not name them.
	Never
)

// String returns the default as the documentation writes it.
func (d Default) String() string {
	switch d {
	case Replicated:
		return "replicated"
	case NotReplicated:
		return "not replicated"
	case Always:
		return "always replicated"
	case Never:
		return "never replicated"
	default:
		return fmt.Sprintf("Default(%d)", uint8(d))
	}
}

// Row describes one class. It is the only place that has these facts; the API, its defaults and the table in
// docs/replication.md are tested against it.
type Row struct {
	ID Class
	// Name is the class in a SyncPolicy, in logs and in metrics.
	Name    string
	Default Default
	// Weight is the class's share of the stream when several classes have changes waiting: the number of frames it sends
	// in one turn. A SyncPolicy can override it.
	Weight int
	// FullHint names the limit to raise when the standby's table of the class is full. It is empty for a class whose
	// table cannot fill up.
	FullHint string
	// Provided is set if a provider publishes the entries, through the local API of the sidecar.
	Provided bool
	// Shared is set if providers may add and remove entries that others have too. The sidecar writes them to the kernel.
	Shared bool
	// Never is why a class with the default Never is not replicated. It continues a sentence after "because".
	Never string
	// Summary is one sentence about what the class replicates.
	Summary string
	// Options validates the JSON of the class's own options, and returns it in the form that units receive. It is nil for
	// a class without options. In a SyncPolicy, they are in the field with the name of the class.
	Options func(document []byte) (json.RawMessage, error)
}

// IsSelectable reports whether a SyncPolicy may name the class.
func (r Row) IsSelectable() bool { return r.Default == Replicated || r.Default == NotReplicated }

// Catalogue is a list of classes, sorted by name.
type Catalogue []Row

// The classes of the catalogue.
const (
	ConnectionCache Class = 3
	FTP             Class = 4
	OracleSQLNet    Class = 5
	RTSP            Class = 6
	RealAudio       Class = 7
	// DynamicAddressObjects has the addresses that address objects have besides their members.
	DynamicAddressObjects Class = 8
	ARP                   Class = 9
	Multicast             Class = 10
	VoIP                  Class = 11
	DynamicARP            Class = 12
	VPN                   Class = 13
	VPNCounters           Class = 15
	DHCPServer            Class = 16
	DynamicRouting        Class = 17
	WANLoadBalancing      Class = 18
	DynamicWANClients     Class = 19
	IPHelper              Class = 20
	SYNFloodProtection    Class = 21
	DeepPacketInspection  Class = 22
	Custom                Class = 27
	Configuration         Class = 28
)

// catalogue is the catalogue of this project. To add a class, add a row.
var catalogue = Catalogue{
	{
		ID: ARP, Name: "ARP", Default: Replicated, Weight: 1,
		Summary: "Permanent and NOARP neighbours of the traffic interfaces, at most 4096, other than those of the document.",
	},
	{
		ID: Configuration, Name: "Configuration", Default: Always, Weight: 1,
		Summary: "The document that the active's firewall enforces.",
	},
	{
		// A document, which can be large and is not urgent, must not delay the connections that a failover would lose.
		ID: ConnectionCache, Name: "ConnectionCache", Default: Replicated, Weight: 8,
		FullHint: "net.netfilter.nf_conntrack_max",
		Summary:  "Connection tracking: tuples, translation, status, TCP state and window scale, marks, timeouts.",
		Options:  connectioncache.Normalize,
	},
	{
		ID: Custom, Name: "Custom", Default: Replicated, Weight: 1, Provided: true,
		Summary: "The classes that providers define themselves, at most 65536 entries and 64 MiB in all.",
	},
	{
		ID: DHCPServer, Name: "DHCPServer", Default: Replicated, Weight: 1, Provided: true,
		Summary: "Leases of the DHCP server, if the document has dhcp.",
	},
	{
		ID: DeepPacketInspection, Name: "DeepPacketInspection", Default: Never,
		Summary: "Verdicts of programs that inspect packets, and what they have read of a stream.",
		Never:   "this is in the memory of the inspecting program, and the new active inspects each connection itself",
	},
	{
		ID: DynamicARP, Name: "DynamicARP", Default: NotReplicated, Weight: 1,
		FullHint: "net.ipv4.neigh.default.gc_thresh3",
		Summary:  "Neighbours that the kernel of the active learned by ARP and NDP, up to half of gc_thresh3.",
	},
	{
		ID: DynamicAddressObjects, Name: "DynamicAddressObjects", Default: Replicated, Weight: 1, Shared: true,
		Summary: "Addresses of DNS names and those that policies and providers add, at most 65536 an object and family.",
	},
	{
		ID: DynamicRouting, Name: "DynamicRouting", Default: Replicated, Weight: 1,
		Summary: "Routes that routing protocols learned in the data plane's table, at most 16384, of both families.",
	},
	{
		ID: DynamicWANClients, Name: "DynamicWANClients", Default: Never,
		Summary: "Sessions of PPPoE, L2TP and PPTP clients on the units, with their connections.",
		Never: "the session is in the memory of the client, and the server of the provider begins another one with the new " +
			"active",
	},
	{
		ID: FTP, Name: "FTP", Default: Replicated, Weight: 1, FullHint: "net.netfilter.nf_conntrack_expect_max",
		Summary: "Data connections of FTP that were announced and not opened yet. Open ones are in ConnectionCache.",
	},
	{
		ID: IPHelper, Name: "IPHelper", Default: Never,
		Summary: "Bindings and connections of DHCP and NetBIOS relays on the units.",
		Never:   "hosts repeat their requests within seconds, and the bindings are in the memory of the relay",
	},
	{
		ID: Multicast, Name: "Multicast", Default: Replicated, Weight: 1, Provided: true,
		Summary: "Memberships of multicast groups and the streams that are forwarded, if the document has multicast.",
	},
	{
		ID: OracleSQLNet, Name: "OracleSQLNet", Default: Replicated, Weight: 1,
		Summary: "Connections to which an Oracle listener redirected a client that did not connect yet, at most 65536.",
	},
	{
		ID: RTSP, Name: "RTSP", Default: Replicated, Weight: 1,
		Summary: "Control connections of RTSP and their media over UDP. ConnectionCache carries them.",
	},
	{
		ID: RealAudio, Name: "RealAudio", Default: Replicated, Weight: 1,
		Summary: "Ports at which RealAudio clients wait for media that did not begin yet, at most 65536.",
	},
	{
		ID: SYNFloodProtection, Name: "SYNFloodProtection", Default: Never,
		Summary: "Meters, limits and half-open connections of protection against floods.",
		Never: "the new active must judge by what it sees itself, and a copied meter could block hosts that it does not " +
			"see",
	},
	{
		ID: VPN, Name: "VPN", Default: Replicated, Weight: 1,
		Summary: "IKE SAs and their children with the keys, of tunnels that are set up, if the pair has vpn.",
	},
	{
		// Without it, a new active would use sequence numbers twice, so nobody can skip it alone.
		ID: VPNCounters, Name: "VPNCounters", Default: Always, Weight: 1,
		Summary: "Sequence numbers of ESP in the kernel, at most 4096 SAs, if class VPN is replicated.",
	},
	{
		ID: VoIP, Name: "VoIP", Default: NotReplicated, Weight: 1, FullHint: "net.netfilter.nf_conntrack_expect_max",
		Summary: "Connections of SIP and H.323 that were announced and not opened yet.",
	},
	{
		ID: WANLoadBalancing, Name: "WANLoadBalancing", Default: Replicated, Weight: 1, Provided: true,
		Summary: "Which links to the Internet are up, and the weight of each, if the document has wan.",
	},
}

// Classes returns the catalogue of this project. The caller may change the copy.
func Classes() Catalogue { return slices.Clone(catalogue) }

// Row returns the row of a class.
func (c Catalogue) Row(id Class) (Row, bool) {
	return c.find(func(r Row) bool { return r.ID == id })
}

// Named returns the row of the class with a name.
func (c Catalogue) Named(name string) (Row, bool) {
	return c.find(func(r Row) bool { return r.Name == name })
}

func (c Catalogue) find(match func(Row) bool) (Row, bool) {
	if i := slices.IndexFunc(c, match); i >= 0 {
		return c[i], true
	}
	return Row{}, false
}

// Selectable returns the names of the classes that a SyncPolicy may name.
func (c Catalogue) Selectable() []string {
	var names []string
	for _, row := range c {
		if row.IsSelectable() {
			names = append(names, row.Name)
		}
	}
	return names
}

// Select returns the row of a class that a SyncPolicy names. The error explains a name that it must not use.
func (c Catalogue) Select(name string) (Row, error) {
	row, ok := c.Named(name)
	switch {
	case !ok:
		return Row{}, fmt.Errorf("unknown class %q; known: %s", name, strings.Join(c.Selectable(), ", "))
	case row.Default == Never:
		return Row{}, fmt.Errorf("class %s is %s, because %s; leave it out", name, row.Default, row.Never)
	case !row.IsSelectable():
		return Row{}, fmt.Errorf("class %s is %s and must not be named; leave it out", name, row.Default)
	default:
		return row, nil
	}
}
