package endurance

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// serve handles each connection of a listener in a goroutine of the group, until the context ends. It owns the listener
// and the connections.
func serve(ctx context.Context, group *sync.WaitGroup, listener net.Listener, handle func(net.Conn)) {
	group.Go(func() {
		defer closeWith(ctx, listener)()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer closeWith(ctx, conn)()
				handle(conn)
			})
		}
	})
}

// closeWith closes c when the context ends, or when the returned function is called.
func closeWith(ctx context.Context, c io.Closer) func() {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return func() {
		stop()
		_ = c.Close() // it may be closed already
	}
}

// dial opens a connection to a listener within waitTimeout.
func dial(ctx context.Context, from Host, to net.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	conn, err := from.Dial(ctx, to.Network(), to.String())
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}
