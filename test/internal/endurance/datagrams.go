package endurance

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/test/internal/realtime"
)

// Datagrams is a UDP flow in both directions: numbered requests, each answered. It survives if it goes on, unchanged,
// and the server sees it come from the same address and port all the while. Some may be lost.
type Datagrams struct {
	Kind   string
	Hosts  Hosts
	Server netip.AddrPort
	Contest

	task
	exchange *exchange
	clients  sightings
	// taken is the port that the rival has, if there is one.
	taken uint16
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
	// Not connected, so that an ICMP error of a moment is a loss and not the socket's end.
	client, err := d.Hosts.Client.ListenPacket(ctx, "udp", netip.AddrPortFrom(d.from(d.Server.Addr()), 0).String())
	if err != nil {
		_ = server.Close()
		return err
	}
	d.exchange = newExchange(client, server.LocalAddr())
	d.done.Go(func() {
		defer closeWith(ctx, server)()
		realtime.Thread()
		d.answer(server)
	})
	if err := d.contend(ctx); err != nil {
		_ = client.Close()
		return err
	}
	return d.exchange.start(ctx, &d.done)
}

// contend has the rival send from the client's port. It goes on for as long as the client does.
func (d *Datagrams) contend(ctx context.Context) error {
	if !d.Rival.IsValid() {
		return nil
	}
	d.taken = netip.MustParseAddrPort(d.exchange.conn.LocalAddr().String()).Port()
	rival, err := d.Hosts.Client.ListenPacket(ctx, "udp", netip.AddrPortFrom(d.Rival, d.taken).String())
	if err != nil {
		return err
	}
	if err := newExchange(rival, d.exchange.to).start(ctx, &d.done); err != nil {
		return fmt.Errorf("rival: %w", err)
	}
	return nil
}

// answer sends back whatever comes, to where it came from.
func (d *Datagrams) answer(server net.PacketConn) {
	packet := make([]byte, 2048)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		if udp, ok := from.(*net.UDPAddr); ok && d.exchange.owns(packet[:n]) {
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
		report.Err = d.clients.one(d.taken)
	}
	return report
}
