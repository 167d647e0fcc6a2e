package advertiser

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/hapair-io/hapair/internal/firewall/advertiser/message"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// solicitationsPerSecond and solicitationBurst bound how many solicitations are read from an interface. The kernel
// drops the others. A storm of them must not take the processor away from the traffic, and one answer is enough for
// all.
const (
	solicitationsPerSecond = 20
	solicitationBurst      = 8
)

// port is the socket of an interface. It is one for all protocols, since those are the first to see a frame: a socket
// for IPv6 would come after the gate, which drops solicitations. The price is that the socket's filter runs on every
// frame of the interface while the unit advertises there.
type port struct {
	index int
	*packet.Conn
}

// openPort opens the socket of an interface.
func openPort(link rtnetlink.Link) (*port, error) {
	program, err := bpf.Assemble(message.Filter())
	if err != nil {
		return nil, fmt.Errorf("assembling a filter: %w", err)
	}
	device := &net.Interface{Index: link.Index, Name: link.Name}
	c, err := packet.Listen(device, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: program})
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	raw, err := c.SyscallConn()
	if err == nil {
		err = c.JoinGroup(message.AllRouters[:])
	}
	if err == nil {
		failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
		})
		err = errors.Join(err, failed)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing a packet socket: %w", err), c.Close())
	}
	return &port{link.Index, c}, nil
}

// receive calls a function for each solicitation, until the socket is closed or the context ends. An interface that is
// down works again once it is up.
func (p *port) receive(ctx context.Context, solicited func()) error {
	limit := rate.NewLimiter(solicitationsPerSecond, solicitationBurst)
	buffer := make([]byte, message.MaxFrame+1)
	for {
		n, _, err := p.ReadFrom(buffer)
		switch {
		case errors.Is(err, unix.ENETDOWN):
		case err != nil:
			return err
		case message.CheckSolicitation(buffer[:n]) == nil:
			solicited()
		}
		if err := limit.Wait(ctx); err != nil {
			return err
		}
	}
}

// send sends a frame.
func (p *port) send(frame []byte) error {
	_, err := p.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:len(message.MAC{})]})
	return err
}
