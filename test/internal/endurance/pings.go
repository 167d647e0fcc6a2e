package endurance

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/testbed"
)

// Pings are ICMP echo requests (RFC 792) with one identifier, which makes them one connection. The server's kernel
// answers. They survive if answers continue and the server always sees the same client address and identifier. Some may
// be lost.
type Pings struct {
	Hosts  Hosts
	Server netip.Addr
	PortConflict

	flow
}

const (
	echoRequest = 8
	echoReply   = 0
	echoHeader  = 8
	// echoIdentifier is the identifier of the client and of the rival. For NAT it has the role of a port.
	echoIdentifier = 0x656e
)

// Begin implements Traffic.
func (p *Pings) Begin(ctx context.Context) error {
	ctx = p.withCancel(ctx)
	if p.Rival.IsValid() {
		p.rivalPort = echoIdentifier
		rival, err := p.open(ctx, p.Rival)
		if err != nil {
			return err
		}
		if err := rival.start(ctx, &p.done); err != nil {
			return fmt.Errorf("rival: %w", err)
		}
	}
	// This socket only observes the requests. The kernel answers them.
	server, err := p.Hosts.Server.ListenPacket(ctx, "ip4:icmp", p.Server.String())
	if err != nil {
		return err
	}
	if p.exchange, err = p.open(ctx, p.from(p.Server)); err != nil {
		_ = server.Close()
		return err
	}
	p.done.Go(func() {
		defer closeWith(ctx, server)()
		ontime.Thread()
		p.watch(server)
	})
	return p.exchange.start(ctx, &p.done)
}

// open returns an exchange of pings from one of the client's addresses.
func (p *Pings) open(ctx context.Context, from netip.Addr) (*exchange, error) {
	conn, err := p.Hosts.Client.ListenPacket(ctx, "ip4:icmp", from.String())
	if err != nil {
		return nil, err
	}
	e := newExchange(conn, &net.IPAddr{IP: p.Server.AsSlice()})
	e.wrap = func(number uint64, payload []byte) []byte {
		return echo(echoRequest, echoIdentifier, uint16(number), payload)
	}
	e.unwrap = func(packet []byte) ([]byte, bool) {
		kind, identifier, payload := parseEcho(packet)
		// Other pings from this address have another identifier.
		return payload, kind == echoReply && identifier == echoIdentifier && len(payload) > 0
	}
	return e, nil
}

// watch records the source addresses of the requests.
func (p *Pings) watch(server net.PacketConn) {
	packet := make([]byte, 2048)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		kind, identifier, payload := parseEcho(packet[:n])
		address, ok := from.(*net.IPAddr)
		if !ok || kind != echoRequest || !p.exchange.owns(payload) {
			continue
		}
		if client, ok := netip.AddrFromSlice(address.IP); ok {
			p.clients.add(netip.AddrPortFrom(client, identifier))
		}
	}
}

// echo returns an echo request or reply.
func echo(kind byte, identifier, sequence uint16, payload []byte) []byte {
	b := make([]byte, 0, echoHeader+len(payload))
	b = append(b, kind, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, identifier)
	b = binary.BigEndian.AppendUint16(b, sequence)
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[2:], testbed.Checksum(b))
	return b
}

func parseEcho(packet []byte) (kind byte, identifier uint16, payload []byte) {
	if len(packet) < echoHeader {
		return 0, 0, nil
	}
	return packet[0], binary.BigEndian.Uint16(packet[4:]), packet[echoHeader:]
}
