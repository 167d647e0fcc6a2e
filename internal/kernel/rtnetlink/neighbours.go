package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// NeighbourState has the NUD_ bits of a neighbour (linux/neighbour.h).
type NeighbourState uint16

// The states of a neighbour.
const (
	Incomplete NeighbourState = unix.NUD_INCOMPLETE
	Reachable  NeighbourState = unix.NUD_REACHABLE
	Stale      NeighbourState = unix.NUD_STALE
	Delay      NeighbourState = unix.NUD_DELAY
	Probe      NeighbourState = unix.NUD_PROBE
	Failed     NeighbourState = unix.NUD_FAILED
	NoARP      NeighbourState = unix.NUD_NOARP
	Permanent  NeighbourState = unix.NUD_PERMANENT
)

// NeighbourFlags has the NTF_ bits of a neighbour (linux/neighbour.h).
type NeighbourFlags uint8

// The flags of a neighbour.
const (
	Published       NeighbourFlags = unix.NTF_PROXY
	ExternalLearned NeighbourFlags = unix.NTF_EXT_LEARNED
	Router          NeighbourFlags = unix.NTF_ROUTER
)

// Neighbour is an entry of a neighbour table: ARP for IPv4, NDP for IPv6. Two neighbours are equal if == holds.
type Neighbour struct {
	// Interface is the index of the interface.
	Interface int
	Address   netip.Addr
	// MAC is zero for an entry that is published or not resolved.
	MAC   MAC
	State NeighbourState
	Flags NeighbourFlags
	// Protocol is the number of who made the entry (/etc/iproute2/rt_protos). It is zero if nobody gave one.
	Protocol uint8
}

// The message of a neighbour, struct ndmsg, and its attributes (linux/neighbour.h).
const (
	sizeofNdMsg = 12
	ndaDst      = 1
	ndaLLAddr   = 2
	ndaProtocol = 12
)

// neighbourMessage is struct ndmsg.
type neighbourMessage struct {
	family    uint8
	neighbour Neighbour
}

func (m neighbourMessage) Len() int { return sizeofNdMsg }

func (m neighbourMessage) Serialize() []byte {
	b := make([]byte, sizeofNdMsg)
	b[0] = m.family
	binary.NativeEndian.PutUint32(b[4:], uint32(m.neighbour.Interface))
	binary.NativeEndian.PutUint16(b[8:], uint16(m.neighbour.State))
	b[10] = uint8(m.neighbour.Flags)
	return b
}

// SetNeighbour adds an entry, or makes an existing one equal to it. A published entry has no MAC: the kernel answers
// for its address with the MAC of the interface.
func (c *Conn) SetNeighbour(n Neighbour) error {
	return c.writeNeighbour(n, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
}

// AddNeighbour adds an entry. It completes an existing one for which the kernel still asks, or which did not answer. It
// leaves any other entry of the address as it is, and succeeds.
func (c *Conn) AddNeighbour(n Neighbour) error {
	err := c.writeNeighbour(n, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	there, err := c.neighbour(n.Interface, n.Address)
	if err != nil || there.State&(Incomplete|Failed) == 0 {
		return err
	}
	return c.writeNeighbour(n, unix.NLM_F_CREATE) // Without REPLACE, the kernel keeps what it has learned meanwhile.
}

func (c *Conn) writeNeighbour(n Neighbour, flags int) error {
	data := []nl.NetlinkRequestData{
		neighbourMessage{familyOf(n.Address), n}, nl.NewRtAttr(ndaDst, n.Address.AsSlice()),
	}
	if n.Flags&Published == 0 {
		data = append(data, nl.NewRtAttr(ndaLLAddr, n.MAC[:]))
	}
	data = append(data, nl.NewRtAttr(ndaProtocol, []byte{n.Protocol}))
	_, err := c.request(unix.RTM_NEWNEIGH, unix.NLM_F_ACK|flags, data...).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return fmt.Errorf("setting neighbour %s of interface %d: %w", n.Address, n.Interface, err)
	}
	return nil
}

// RemoveNeighbour removes the entry of an address, or the published one if n is published. Removing an absent entry
// succeeds.
func (c *Conn) RemoveNeighbour(n Neighbour) error {
	_, err := c.request(unix.RTM_DELNEIGH, unix.NLM_F_ACK,
		neighbourMessage{familyOf(n.Address), n}, nl.NewRtAttr(ndaDst, n.Address.AsSlice()),
	).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("removing neighbour %s of interface %d: %w", n.Address, n.Interface, err)
	}
	return nil
}

// Neighbours lists the entries of both families, except for the published ones.
func (c *Conn) Neighbours() ([]Neighbour, error) { return c.neighbours(0) }

// PublishedNeighbours lists the published entries of both families. The kernel sends no event about them.
func (c *Conn) PublishedNeighbours() ([]Neighbour, error) { return c.neighbours(Published) }

// neighbour returns the entry of an address, or an empty one if it does not exist.
func (c *Conn) neighbour(link int, address netip.Addr) (Neighbour, error) {
	replies, err := c.request(unix.RTM_GETNEIGH, unix.NLM_F_ACK,
		neighbourMessage{familyOf(address), Neighbour{Interface: link}}, nl.NewRtAttr(ndaDst, address.AsSlice()),
	).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	switch {
	case errors.Is(err, unix.ENOENT):
		return Neighbour{}, nil
	case err != nil:
		return Neighbour{}, fmt.Errorf("reading neighbour %s of interface %d: %w", address, link, err)
	case len(replies) != 1:
		return Neighbour{}, fmt.Errorf("reading neighbour %s of interface %d: %d replies", address, link, len(replies))
	}
	n, _, err := decodeNeighbour(replies[0])
	return n, err
}

func (c *Conn) neighbours(kind NeighbourFlags) ([]Neighbour, error) {
	messages, err := dump(func() ([][]byte, error) {
		return c.request(unix.RTM_GETNEIGH, unix.NLM_F_DUMP,
			neighbourMessage{unix.AF_UNSPEC, Neighbour{Flags: kind}}).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	})
	if err != nil {
		return nil, fmt.Errorf("listing neighbours: %w", err)
	}
	all := make([]Neighbour, 0, len(messages))
	for _, message := range messages {
		n, ok, err := decodeNeighbour(message)
		if err != nil {
			return nil, fmt.Errorf("listing neighbours: %w", err)
		}
		if ok {
			all = append(all, n)
		}
	}
	return all, nil
}

// decodeNeighbour decodes a message of a neighbour. It returns false for those of bridges.
func decodeNeighbour(message []byte) (Neighbour, bool, error) {
	if len(message) < sizeofNdMsg {
		return Neighbour{}, false, fmt.Errorf("a neighbour of %d bytes", len(message))
	}
	if family := message[0]; family != unix.AF_INET && family != unix.AF_INET6 {
		return Neighbour{}, false, nil
	}
	attributes, err := nl.ParseRouteAttr(message[sizeofNdMsg:])
	if err != nil {
		return Neighbour{}, false, err
	}
	n := Neighbour{
		Interface: int(binary.NativeEndian.Uint32(message[4:])),
		State:     NeighbourState(binary.NativeEndian.Uint16(message[8:])),
		Flags:     NeighbourFlags(message[10]),
	}
	for _, a := range attributes {
		switch a.Attr.Type {
		case ndaDst:
			n.Address, _ = netip.AddrFromSlice(a.Value)
		case ndaLLAddr:
			n.MAC = macOf(a.Value)
		case ndaProtocol:
			if len(a.Value) == 1 {
				n.Protocol = a.Value[0]
			}
		}
	}
	return n, n.Address.IsValid(), nil
}

// ndtaThreshold3 is the number of entries at which the kernel refuses new ones (NDTA_THRESH3).
const ndtaThreshold3 = 4

// NeighbourLimit returns the number of entries of a family that the kernel holds at most, other than permanent ones:
// the smaller of both families (net.ipv4.neigh.default.gc_thresh3 and the one of IPv6). All namespaces share it.
func (c *Conn) NeighbourLimit() (int, error) {
	messages, err := dump(func() ([][]byte, error) {
		return c.request(unix.RTM_GETNEIGHTBL, unix.NLM_F_DUMP, tableMessage{}).
			Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGHTBL)
	})
	if err != nil {
		return 0, fmt.Errorf("reading the limit of neighbours: %w", err)
	}
	limit := 0
	for _, message := range messages {
		attributes, err := nl.ParseRouteAttr(message[sizeofTableMessage:])
		if err != nil {
			return 0, fmt.Errorf("reading the limit of neighbours: %w", err)
		}
		for _, a := range attributes {
			if a.Attr.Type != ndtaThreshold3 {
				continue
			}
			if n := int(number(a.Value)); limit == 0 || n < limit {
				limit = n
			}
		}
	}
	if limit == 0 {
		return 0, errors.New("reading the limit of neighbours: the kernel reports none")
	}
	return limit, nil
}
