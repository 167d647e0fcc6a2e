package endurance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// Download is one TCP connection on which the server sends known content without a pause. It survives if every byte
// arrived, up to the end that the server sends.
type Download struct {
	Kind   string
	Hosts  Hosts
	Server netip.AddrPort

	task
	transfer *transfer
}

// Begin implements Traffic.
func (d *Download) Begin(ctx context.Context) error {
	ctx = d.withCancel(ctx)
	d.transfer = newTransfer('d')
	listener, err := d.Hosts.Server.Listen(ctx, "tcp", d.Server.String())
	if err != nil {
		return fmt.Errorf("%s: %w", d.Kind, err)
	}
	serve(ctx, &d.done, listener, func(conn net.Conn) {
		_, _ = io.Copy(conn, d.transfer.source) // the client detects a failure
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

// Reset implements Traffic.
func (d *Download) Reset() { d.transfer.sink.reset() }

// Check implements Traffic.
func (d *Download) Check(ctx context.Context) Report {
	report := Report{Kind: d.Kind}
	report.Err = d.transfer.finish(ctx, &report)
	return report
}
