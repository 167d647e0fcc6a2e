package rtnetlink

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Conn configures the network namespace in which it was opened. Several goroutines may call its methods at once.
type Conn struct {
	handle *netlink.Handle
	// socket carries the requests that the library has no call for.
	socket *nl.SocketHandle
}

// Dial opens a connection to the network namespace of the calling thread. The connection stays in that namespace.
func Dial() (*Conn, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a route netlink socket: %w", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("opening a route netlink socket: %w", err)
	}
	return &Conn{handle: handle, socket: &nl.SocketHandle{Socket: socket}}, nil
}

// Close closes the sockets.
func (c *Conn) Close() error {
	c.handle.Close()
	c.socket.Close()
	return nil
}

// request returns a request for which the library has no call.
func (c *Conn) request(kind, flags int, data ...nl.NetlinkRequestData) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(kind, flags)
	r.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.socket}
	for _, d := range data {
		r.AddData(d)
	}
	return r
}

// linkOf names an interface by its index, as the library's calls want it.
func linkOf(index int) netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}
}

// maxDumps bounds how often a list is read again that changed while the kernel wrote it.
const maxDumps = 5

// dump reads a list, and reads it again while it changes under the reader.
func dump[T any](list func() ([]T, error)) (all []T, err error) {
	for range maxDumps {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return all, err
}
