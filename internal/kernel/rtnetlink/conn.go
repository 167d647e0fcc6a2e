package rtnetlink

import (
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Conn is a route netlink socket. Its methods may be called by several goroutines at once.
type Conn struct{ netlink *netlink.Conn }

// Dial opens a socket in the network namespace of the calling thread. The socket stays in it.
func Dial() (*Conn, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Strict: true})
	if err != nil {
		return nil, fmt.Errorf("opening a route netlink socket: %w", err)
	}
	return &Conn{netlink: c}, nil
}

// Close gives the socket back.
func (c *Conn) Close() error { return c.netlink.Close() }

// request is one message: a fixed header, then attributes.
type request struct {
	kind   netlink.HeaderType
	flags  netlink.HeaderFlags
	header []byte
	encode func(*netlink.AttributeEncoder)
}

// execute sends the request and returns the replies; one without is acknowledged.
func (c *Conn) execute(r request) ([]netlink.Message, error) {
	attributes := netlink.NewAttributeEncoder()
	if r.encode != nil {
		r.encode(attributes)
	}
	encoded, err := attributes.Encode()
	if err != nil {
		return nil, err
	}
	return c.netlink.Execute(netlink.Message{
		Header: netlink.Header{Type: r.kind, Flags: netlink.Request | r.flags},
		Data:   append(r.header, encoded...),
	})
}

// attributes decodes what follows a fixed header of the size.
func attributes(m netlink.Message, header int) (*netlink.AttributeDecoder, error) {
	if len(m.Data) < header {
		return nil, fmt.Errorf("message of type %d: %d bytes are too few", m.Header.Type, len(m.Data))
	}
	return netlink.NewAttributeDecoder(m.Data[header:])
}
