package endurance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// Download is one TCP connection on which the server sends known content without a pause. It survives if every byte
// came, up to the end that the server gives it.
type Download struct {
	Kind   string
	Hosts  Hosts
	Server netip.AddrPort

	task
	transfer *transfer
}

// Begin implements Traffic.
func (d *Download) Begin(ctx context.Context) error {
	ctx = d.under(ctx)
	d.transfer = newTransfer('d')
	listener, err := d.Hosts.Server.Listen(ctx, "tcp", d.Server.String())
	if err != nil {
		return fmt.Errorf("%s: %w", d.Kind, err)
	}
	serve(ctx, &d.done, listener, func(conn net.Conn) {
		_, _ = io.Copy(conn, d.transfer.source) // what goes wrong, the client sees
	})
	conn, err := dial(ctx, d.Hosts.Client, listener.Addr())
	if err != nil {
		return fmt.Errorf("%s: %w", d.Kind, err)
	}
	d.done.Go(func() {
		defer closeWith(ctx, conn)()
		d.transfer.receive(conn)
	})
	if err := d.transfer.await(ctx); err != nil {
		return fmt.Errorf("%s: %w", d.Kind, err)
	}
	return nil
}

// Forget implements Traffic.
func (d *Download) Forget() { d.transfer.sink.forget() }

// Check implements Traffic.
func (d *Download) Check(ctx context.Context) Report {
	report := Report{Kind: d.Kind}
	report.Err = d.transfer.finish(ctx, &report)
	return report
}
