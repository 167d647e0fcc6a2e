package dhcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/information"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// port has the sockets of an interface. Each is for one protocol, so it comes after the gate and receives nothing that
// the gate drops.
type port struct {
	link *net.Interface
	// requests receives and sends IPv4 packets, and claims receives and sends ARP frames. questions receives and sends
	// IPv6 packets.
	requests, claims, questions *packet.Conn
}

// openPort opens the sockets of an interface.
func openPort(device string) (*port, error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	p := &port{link: link}
	if p.requests, err = listen(link, packet.Datagram, unix.ETH_P_IP, requestFilter()); err != nil {
		return nil, err
	}
	if p.claims, err = listen(link, packet.Raw, unix.ETH_P_ARP, arpFilter()); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.questions, err = listen(link, packet.Datagram, unix.ETH_P_IPV6, information.Filter())
	if err == nil {
		err = p.questions.JoinGroup(information.AllServers[:])
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func listen(link *net.Interface, kind packet.Type, protocol int, filter []bpf.Instruction) (*packet.Conn, error) {
	program, err := bpf.Assemble(filter)
	if err != nil {
		return nil, fmt.Errorf("assembling a filter: %w", err)
	}
	c, err := packet.Listen(link, kind, protocol, &packet.Config{Filter: program})
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	return c, nil
}

// close closes the sockets that are open.
func (p *port) close() (err error) {
	for _, c := range []*packet.Conn{p.requests, p.claims, p.questions} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// requestFilter passes IPv4 packets with a UDP datagram for a DHCP server.
func requestFilter() []bpf.Instruction {
	const (
		atFragment, fragmentOffset = 6, 0x1fff
		atProtocol                 = 9
		atPort                     = 2 // in the UDP header
		serverPort                 = 67
	)
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: atProtocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
		bpf.LoadAbsolute{Off: atFragment, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: fragmentOffset, SkipTrue: 4},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: atPort, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: serverPort, SkipTrue: 1},
		bpf.RetConstant{Val: message.MaxPacket + 1},
		bpf.RetConstant{},
	}
}

// arpFilter passes every ARP frame.
func arpFilter() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: frame.MaxClaim}} }

// receive calls a function with each packet of a socket and its sender, until the interface is gone or the socket is
// closed. A socket of an interface that is down works again once that is up.
func (p *port) receive(c *packet.Conn, take func(from message.MAC, data []byte)) error {
	buffer := make([]byte, message.MaxPacket+1)
	for {
		n, from, err := c.ReadFrom(buffer)
		switch {
		case errors.Is(err, unix.ENETDOWN):
			if now, err := net.InterfaceByIndex(p.link.Index); err != nil || now.Name != p.link.Name {
				return fmt.Errorf("interface %s is gone", p.link.Name)
			}
			continue
		case err != nil:
			return err
		}
		if a, ok := from.(*packet.Addr); ok && len(a.HardwareAddr) == len(message.MAC{}) {
			take(message.MAC(a.HardwareAddr), buffer[:n])
		}
	}
}

// send sends an IPv4 packet to a station.
func (p *port) send(to message.Packet) error {
	_, err := p.requests.WriteTo(to.Data, &packet.Addr{HardwareAddr: to.MAC[:]})
	return err
}

// reply sends an IPv6 packet to a station.
func (p *port) reply(to message.MAC, data []byte) error {
	_, err := p.questions.WriteTo(data, &packet.Addr{HardwareAddr: to[:]})
	return err
}

// probe asks who has an address. The interface may have another MAC address than before.
func (p *port) probe(a netip.Addr) error {
	link, err := net.InterfaceByIndex(p.link.Index)
	if err != nil {
		return err
	}
	if len(link.HardwareAddr) != len(message.MAC{}) {
		return fmt.Errorf("interface %s is no Ethernet", link.Name)
	}
	_, err = p.claims.WriteTo(frame.ARPProbe(message.MAC(link.HardwareAddr), a),
		&packet.Addr{HardwareAddr: message.Everyone[:]})
	return err
}
