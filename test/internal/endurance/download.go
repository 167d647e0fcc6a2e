package endurance

import (
	"context"
	"io"
	"net"
	"net/netip"
)

// Download is one TCP connection on which the server sends known content without a pause. It survives if every byte
// arrived, up to the end that the server sends.
type Download struct {
	Hosts  Hosts
	Server netip.AddrPort

	task
	transfer
}

// Begin implements Traffic.
func (d *Download) Begin(ctx context.Context) error {
	ctx = d.withCancel(ctx)
	d.transfer = newTransfer('d')
	listener, err := d.Hosts.Server.Listen(ctx, "tcp", d.Server.String())
	if err != nil {
		return err
	}
	serve(ctx, &d.done, listener, func(conn net.Conn) {
		_, _ = io.Copy(conn, d.source) // the client detects a failure
	})
	conn, err := dial(ctx, d.Hosts.Client, listener.Addr())
	if err != nil {
		return err
	}
	d.done.Go(func() {
		defer closeWith(ctx, conn)()
		d.receive(func(sink io.Writer) error {
			_, err := io.Copy(sink, conn)
			return err
		})
	})
	return d.await(ctx)
}
