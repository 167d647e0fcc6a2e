package endurance

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// serve hands each connection that a listener accepts to a goroutine of its own, until the context ends. Listener and
// connections are its own from now on; the group waits for all of it.
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

// closeWith closes something when the context ends, or when what it returns is called.
func closeWith(ctx context.Context, c io.Closer) func() {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return func() {
		stop()
		_ = c.Close() // once is enough, and it may have happened
	}
}

// dial opens a connection to a listener within the time that traffic has to begin.
func dial(ctx context.Context, from Host, to net.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := from.Dial(ctx, to.Network(), to.String())
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}
