package rtnetlink

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// AddAddresses gives the interface the addresses that it does not have yet. Unlike SetAddresses it does not look first:
// one that is there is put in its own place, and a takeover waits for each question to the kernel.
func (c *Conn) AddAddresses(index int, wanted []netip.Prefix) error {
	var errs []error
	for _, a := range wanted {
		errs = append(errs, c.addAddress(index, a))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.awaitLocal(wanted)
	return nil
}

// localWait bounds the wait for the kernel to take IPv6 addresses for its own, and localLook is how often it is looked.
// Where the kernel is slower than that, a neighbour's answer may be lost; it is asked again after a second.
const (
	localWait = 10 * time.Millisecond
	localLook = 100 * time.Microsecond
)

// awaitLocal waits until what is sent to the IPv6 addresses arrives. The kernel acknowledges such an address before it
// adds its local route, which a work queue does (addrconf_dad_work). What comes in between is forwarded or dropped,
// such as a neighbour's answer to the first question of a new active, which then asks again a second later.
func (c *Conn) awaitLocal(addresses []netip.Prefix) {
	end := time.Now().Add(localWait)
	for _, a := range addresses {
		for a.Addr().Is6() && !c.isLocal(a.Addr()) && time.Now().Before(end) {
			time.Sleep(localLook)
		}
	}
}

// Of struct rtmsg: family, length of the destination, then others, and the type in its eighth byte.
const (
	sizeofRtMsg = 12
	rtMsgType   = 7
)

// isLocal tells whether the kernel takes an IPv6 address for its own.
func (c *Conn) isLocal(a netip.Addr) bool {
	header := make([]byte, sizeofRtMsg)
	header[0], header[1] = unix.AF_INET6, uint8(a.BitLen())
	replies, err := c.execute(request{
		kind: unix.RTM_GETROUTE, header: header,
		encode: func(ae *netlink.AttributeEncoder) { ae.Bytes(unix.RTA_DST, a.AsSlice()) },
	})
	return err == nil && len(replies) == 1 && len(replies[0].Data) >= sizeofRtMsg &&
		replies[0].Data[rtMsgType] == unix.RTN_LOCAL
}
