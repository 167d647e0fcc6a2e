package rtnetlink

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sizeofIfInfo is the size of struct ifinfomsg: family, padding, type (2), index (4), flags (4), change mask (4).
const sizeofIfInfo = 16

// MAC is an Ethernet address.
type MAC [6]byte

// Link is a network interface as the kernel has it.
type Link struct {
	Index int
	Name  string
	// MAC is zero for an interface that is not Ethernet-like.
	MAC MAC
	// PermanentMAC is the one that the hardware came with; zero where the kernel knows of none, as for most virtual
	// interfaces.
	PermanentMAC MAC
	// Enabled is set when the interface is switched on.
	Enabled bool
	// Up is set when the interface is switched on and has a carrier.
	Up bool
	// Operational is set when the interface is up, and nothing above the carrier keeps packets from passing, such as a
	// port that has not been authenticated: IF_OPER_UP of RFC 2863, or unknown.
	Operational bool
	// IPv4 is what is set for IPv4 on it.
	IPv4 Devconf
}

// Link looks an interface up by its name.
func (c *Conn) Link(name string) (Link, error) {
	replies, err := c.execute(request{
		kind:   unix.RTM_GETLINK,
		header: make([]byte, sizeofIfInfo),
		encode: func(ae *netlink.AttributeEncoder) { ae.String(unix.IFLA_IFNAME, name) },
	})
	if err != nil {
		return Link{}, fmt.Errorf("looking up interface %s: %w", name, err)
	}
	if len(replies) != 1 {
		return Link{}, fmt.Errorf("looking up interface %s: %d replies instead of one", name, len(replies))
	}
	link, err := decodeLink(replies[0])
	if err != nil {
		return Link{}, fmt.Errorf("looking up interface %s: %w", name, err)
	}
	return link, nil
}

func decodeLink(m netlink.Message) (Link, error) {
	ad, err := attributes(m, sizeofIfInfo)
	if err != nil {
		return Link{}, err
	}
	flags := binary.NativeEndian.Uint32(m.Data[8:12])
	link := Link{
		Index: int(int32(binary.NativeEndian.Uint32(m.Data[4:8]))),
	}
	link.Enabled = flags&unix.IFF_UP != 0
	link.Up = link.Enabled && flags&unix.IFF_LOWER_UP != 0
	link.Operational = link.Up && flags&unix.IFF_RUNNING != 0
	for ad.Next() {
		switch ad.Type() {
		case unix.IFLA_IFNAME:
			link.Name = ad.String()
		case unix.IFLA_ADDRESS:
			if b := ad.Bytes(); len(b) == len(link.MAC) {
				link.MAC = MAC(b)
			}
		case unix.IFLA_PERM_ADDRESS:
			if b := ad.Bytes(); len(b) == len(link.PermanentMAC) {
				link.PermanentMAC = MAC(b)
			}
		case unix.IFLA_AF_SPEC:
			ad.Nested(func(families *netlink.AttributeDecoder) error {
				for families.Next() {
					if families.Type() == unix.AF_INET {
						families.Nested(link.IPv4.decode)
					}
				}
				return nil
			})
		}
	}
	return link, ad.Err()
}

// linkHeader is the ifinfomsg that names an interface by its index.
func linkHeader(index int) []byte {
	header := make([]byte, sizeofIfInfo)
	binary.NativeEndian.PutUint32(header[4:8], uint32(index))
	return header
}
