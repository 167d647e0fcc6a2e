// Package namespace opens sockets inside network namespaces, for tests that are client, server and observer at once. A
// socket stays in the namespace in which it was opened, so only opening it needs a thread of its own.
package namespace

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netns"
)

// Directory is where named network namespaces are mounted, so that `ip netns` lists them too.
const Directory = "/run/netns"

// Named returns the path of a named network namespace.
func Named(name string) string { return filepath.Join(Directory, name) }

// OfProcess returns the path of the network namespace of a process.
func OfProcess(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

// Do runs f on a thread inside the namespace at a path, and waits for it. Goroutines that f starts are outside.
func Do(path string, f func() error) error {
	return OnThread(func() error { return enter(path, f) })
}

// OnThread runs f on a thread of its own and waits for it. f may leave the thread in any namespace.
func OnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread stays locked, so it ends with the goroutine and no other goroutine inherits the namespace.
		runtime.LockOSThread()
		result <- f()
	}()
	return <-result
}

func enter(path string, f func() error) error {
	handle, err := netns.GetFromPath(path)
	if err != nil {
		return fmt.Errorf("opening network namespace %s: %w", path, err)
	}
	defer func() { _ = handle.Close() }()
	if err := netns.Set(handle); err != nil {
		return fmt.Errorf("entering network namespace %s (root needed): %w", path, err)
	}
	return f()
}

// Dial opens a connection from inside a namespace. The address must be numeric: a name would be looked up outside.
func Dial(ctx context.Context, path, network, address string) (conn net.Conn, err error) {
	err = Do(path, func() error {
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen opens a listener inside a namespace.
func Listen(ctx context.Context, path, network, address string) (listener net.Listener, err error) {
	err = Do(path, func() error {
		listener, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// ListenPacket opens a datagram socket inside a namespace.
func ListenPacket(ctx context.Context, path, network, address string) (conn net.PacketConn, err error) {
	err = Do(path, func() error {
		conn, err = (&net.ListenConfig{}).ListenPacket(ctx, network, address)
		return err
	})
	return conn, err
}
