package rtnetlink

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The attributes of a neighbour table (include/uapi/linux/neighbour.h).
const (
	ndtaName  = 1
	ndtaParms = 6

	ndtpaIfindex       = 1
	ndtpaRetransTime   = 5
	ndtpaUcastProbes   = 10
	ndtpaMcastProbes   = 11
	sizeofTableMessage = 4
)

// tableMessage is struct ndtmsg for both families.
type tableMessage struct{}

func (tableMessage) Len() int          { return sizeofTableMessage }
func (tableMessage) Serialize() []byte { return make([]byte, sizeofTableMessage) }

// Resolution is how an interface asks for the link-layer address of a neighbour.
type Resolution struct {
	// Interval is the time between two requests. The kernel's default is a second, for which traffic to the neighbour
	// waits if the first request is lost.
	Interval time.Duration
	// Requests is how many are sent before the neighbour counts as unreachable.
	Requests uint32
}

// SetResolution sets how an interface resolves neighbours, for IPv4 and IPv6.
func (c *Conn) SetResolution(index int, r Resolution) error {
	for _, table := range []string{"arp_cache", "ndisc_cache"} {
		parameters := nl.NewRtAttr(ndtaParms|unix.NLA_F_NESTED, nil)
		parameters.AddRtAttr(ndtpaIfindex, nl.Uint32Attr(uint32(index)))
		parameters.AddRtAttr(ndtpaRetransTime, nl.Uint64Attr(uint64(r.Interval.Milliseconds())))
		parameters.AddRtAttr(ndtpaUcastProbes, nl.Uint32Attr(r.Requests))
		parameters.AddRtAttr(ndtpaMcastProbes, nl.Uint32Attr(r.Requests))
		_, err := c.request(unix.RTM_SETNEIGHTBL, unix.NLM_F_ACK, tableMessage{},
			nl.NewRtAttr(ndtaName, nl.ZeroTerminated(table)), parameters).Execute(unix.NETLINK_ROUTE, 0)
		if err != nil {
			return fmt.Errorf("setting the resolution of neighbours in %s of interface %d: %w", table, index, err)
		}
	}
	return nil
}
