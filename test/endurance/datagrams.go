package endurance

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/test/prompt"
)

// Datagrams is a UDP flow in both directions: numbered requests, each answered. It survives if it goes on, unchanged,
// and the server sees it come from the same address and port all the while. Some may be lost.
type Datagrams struct {
	Kind   string
	Hosts  Hosts
	Server netip.AddrPort

	task
	exchange *exchange
	clients  sightings
}

// Begin implements Traffic.
func (d *Datagrams) Begin(ctx context.Context) error {
	if err := d.begin(d.under(ctx)); err != nil {
		return fmt.Errorf("%s: %w", d.Kind, err)
	}
	return nil
}

func (d *Datagrams) begin(ctx context.Context) error {
	server, err := d.Hosts.Server.ListenPacket(ctx, "udp", d.Server.String())
	if err != nil {
		return err
	}
	d.done.Go(func() {
		defer closeWith(ctx, server)()
		prompt.Thread()
		d.answer(server)
	})
	// Not connected, so that an ICMP error of a moment is a loss and not the socket's end.
	unspecified := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if d.Server.Addr().Is6() {
		unspecified = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	client, err := d.Hosts.Client.ListenPacket(ctx, "udp", unspecified.String())
	if err != nil {
		return err
	}
	d.exchange = &exchange{
		conn: client, to: server.LocalAddr(),
		wrap:   func(_ uint64, payload []byte) []byte { return payload },
		unwrap: func(packet []byte) ([]byte, bool) { return packet, true },
	}
	d.exchange.start(ctx, &d.done)
	return d.exchange.await(ctx)
}

// answer sends back whatever comes, to where it came from.
func (d *Datagrams) answer(server net.PacketConn) {
	packet := make([]byte, 2048)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		if udp, ok := from.(*net.UDPAddr); ok {
			d.clients.note(udp.AddrPort())
		}
		_, _ = server.WriteTo(packet[:n], from) // what cannot be sent is lost, and the client sees it
	}
}

// Forget implements Traffic. Where the client was seen is not forgotten.
func (d *Datagrams) Forget() { d.exchange.forget() }

// Check implements Traffic.
func (d *Datagrams) Check(ctx context.Context) Report {
	report := Report{Kind: d.Kind}
	if report.Err = d.exchange.finish(ctx, &report); report.Err == nil {
		report.Err = d.clients.one()
	}
	return report
}
