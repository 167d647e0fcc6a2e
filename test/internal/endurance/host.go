package endurance

import (
	"context"
	"net"
	"os/exec"

	"github.com/hapair-io/hapair/test/namespace"
)

// Host opens sockets and runs programs on one of the two hosts of the traffic.
type Host interface {
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	Listen(ctx context.Context, network, address string) (net.Listener, error)
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)
	// Start starts a program.
	Start(command *exec.Cmd) error
}

// Hosts are the two ends. The client opens every connection.
type Hosts struct{ Client, Server Host }

// Namespace is a host, named by the path of its network namespace.
type Namespace string

// Dial implements Host.
func (n Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return namespace.Dial(ctx, string(n), network, address)
}

// Listen implements Host.
func (n Namespace) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return namespace.Listen(ctx, string(n), network, address)
}

// ListenPacket implements Host.
func (n Namespace) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	return namespace.ListenPacket(ctx, string(n), network, address)
}

// Start implements Host. The program runs in the namespace of the thread that starts it.
func (n Namespace) Start(command *exec.Cmd) error { return namespace.Do(string(n), command.Start) }
