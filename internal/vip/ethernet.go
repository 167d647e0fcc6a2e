package vip

import (
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/packet"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Ethernet is the real wire: packet sockets, which need NET_RAW. A socket is opened for each round of frames, for
// rounds are rare and an interface may have been replaced under its name.
type Ethernet struct{}

// Send sends the frames on the interface.
func (Ethernet) Send(link rtnetlink.Link, frames [][]byte) (err error) {
	// Protocol 0 receives nothing, so that the socket does not fill with traffic that nobody reads.
	c, err := packet.Listen(&net.Interface{Index: link.Index, Name: link.Name}, packet.Raw, 0, nil)
	if err != nil {
		return fmt.Errorf("opening a packet socket: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, f := range frames {
		if _, err := c.WriteTo(f, &packet.Addr{HardwareAddr: f[0:6]}); err != nil {
			return fmt.Errorf("sending a frame: %w", err)
		}
	}
	return nil
}
