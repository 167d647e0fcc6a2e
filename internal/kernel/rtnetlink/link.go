package rtnetlink

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// MAC is an Ethernet address.
type MAC [6]byte

// Link is a network interface as the kernel has it.
type Link struct {
	Index int
	Name  string
	// MAC is zero for an interface that is not Ethernet-like.
	MAC MAC
	// PermanentMAC is the address that the hardware came with. It is zero where the kernel has none, as for most virtual
	// interfaces.
	PermanentMAC MAC
	// Enabled is set when the interface is administratively up.
	Enabled bool
	// Up is set when the interface is enabled and has a carrier.
	Up bool
	// Operational is set when the interface is up and nothing above the carrier blocks packets, such as a port that has
	// not been authenticated: IF_OPER_UP of RFC 2863, or unknown.
	Operational bool
	// IPv6 is set when the interface can have IPv6 addresses. It cannot where disable_ipv6 is set, where its MTU is too
	// small for IPv6, and where the kernel has no IPv6.
	IPv6 bool
	// IPv4 has the IPv4 settings of the interface.
	IPv4 Devconf
	MTU  int
	// Master is the index of the bridge, bond, team or VRF that has the interface as a member; zero without one.
	Master int
	// Resolves is set when neighbours are found by ARP and NDP. It is not set after ip link set arp off.
	Resolves bool
	// Multicast is set when the interface takes part in multicast.
	Multicast bool
	// XDP is set when a program sees the frames before the kernel does.
	XDP bool
}

// Link looks an interface up by its name. One reply has both the attributes and the IPv4 settings.
func (c *Conn) Link(name string) (Link, error) {
	link, err := c.link(name)
	if err != nil {
		return Link{}, fmt.Errorf("looking up interface %s: %w", name, err)
	}
	return link, nil
}

// LinkNames returns the names of all interfaces by their indexes.
func (c *Conn) LinkNames() (map[int]string, error) {
	links, err := dump(c.handle.LinkList)
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, nil
}

func (c *Conn) link(name string) (Link, error) {
	replies, err := c.request(unix.RTM_GETLINK, unix.NLM_F_ACK,
		nl.NewIfInfomsg(unix.AF_UNSPEC), nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)),
	).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return Link{}, err
	}
	if len(replies) != 1 {
		return Link{}, fmt.Errorf("%d replies instead of one", len(replies))
	}
	return decodeLink(replies[0])
}

func decodeLink(reply []byte) (Link, error) {
	decoded, err := netlink.LinkDeserialize(nil, reply)
	if err != nil {
		return Link{}, err
	}
	attributes, err := nl.ParseRouteAttr(reply[unix.SizeofIfInfomsg:])
	if err != nil {
		return Link{}, err
	}
	families := valueOf(attributes, unix.IFLA_AF_SPEC)
	devconf, err := decodeDevconf(families)
	if err != nil {
		return Link{}, err
	}
	ipv6, err := decodeIPv6(families)
	if err != nil {
		return Link{}, err
	}
	a := decoded.Attrs()
	enabled := a.RawFlags&unix.IFF_UP != 0
	up := enabled && a.RawFlags&unix.IFF_LOWER_UP != 0
	return Link{
		Index: a.Index, Name: a.Name, MAC: macOf(a.HardwareAddr), PermanentMAC: macOf(a.PermHWAddr),
		Enabled: enabled, Up: up, Operational: up && a.RawFlags&unix.IFF_RUNNING != 0,
		IPv6: ipv6, IPv4: devconf, MTU: a.MTU, Master: a.MasterIndex,
		Resolves: a.RawFlags&unix.IFF_NOARP == 0, Multicast: a.RawFlags&unix.IFF_MULTICAST != 0,
		XDP: a.Xdp != nil && a.Xdp.Attached,
	}, nil
}

func macOf(address net.HardwareAddr) MAC {
	if len(address) != len(MAC{}) {
		return MAC{}
	}
	return MAC(address)
}
