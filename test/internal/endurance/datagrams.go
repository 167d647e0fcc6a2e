package endurance

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/test/internal/ontime"
)

// Datagrams is a UDP flow in both directions: numbered requests, each answered. It survives if answers continue
// unchanged and the server always sees the same client address and port. Some datagrams may be lost.
type Datagrams struct {
	Hosts  Hosts
	Server netip.AddrPort
	PortConflict

	flow
}

// Begin implements Traffic.
func (d *Datagrams) Begin(ctx context.Context) error {
	ctx = d.withCancel(ctx)
	server, err := d.Hosts.Server.ListenPacket(ctx, "udp", d.Server.String())
	if err != nil {
		return err
	}
	// The socket is not connected, so a temporary ICMP error is a loss and does not end the socket.
	client, err := d.Hosts.Client.ListenPacket(ctx, "udp", netip.AddrPortFrom(d.from(d.Server.Addr()), 0).String())
	if err != nil {
		_ = server.Close()
		return err
	}
	d.exchange = newExchange(client, server.LocalAddr())
	d.done.Go(func() {
		defer closeWith(ctx, server)()
		ontime.Thread()
		d.answer(server)
	})
	if err := d.startRival(ctx); err != nil {
		_ = client.Close()
		return err
	}
	return d.exchange.start(ctx, &d.done)
}

// startRival makes the rival send from the client's port, for as long as the client does.
func (d *Datagrams) startRival(ctx context.Context) error {
	if !d.Rival.IsValid() {
		return nil
	}
	d.rivalPort = netip.MustParseAddrPort(d.exchange.conn.LocalAddr().String()).Port()
	rival, err := d.Hosts.Client.ListenPacket(ctx, "udp", netip.AddrPortFrom(d.Rival, d.rivalPort).String())
	if err != nil {
		return err
	}
	if err := newExchange(rival, d.exchange.to).start(ctx, &d.done); err != nil {
		return fmt.Errorf("rival: %w", err)
	}
	return nil
}

// answer sends each datagram back to its sender.
func (d *Datagrams) answer(server net.PacketConn) {
	packet := make([]byte, 2048)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		if udp, ok := from.(*net.UDPAddr); ok && d.exchange.owns(packet[:n]) {
			d.clients.add(udp.AddrPort())
		}
		_, _ = server.WriteTo(packet[:n], from) // a failure is a loss, which the client detects
	}
}
