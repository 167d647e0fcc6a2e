package mroute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// MaxInterfaces is the number of interfaces that a router can have (MAXVIFS, MAXMIFS).
const MaxInterfaces = 32

// Route is an entry of the forwarding cache.
type Route struct {
	Source, Group netip.Addr
	// In is the number of the interface at which the packets arrive, and Out are those to which they are forwarded.
	// Without Out, packets are dropped.
	In  int
	Out []int
}

// Packet is what a router receives.
type Packet struct {
	// Missing is set if there is no entry for packets from Source to Group that arrive at the interface number In.
	Missing       bool
	Source, Group netip.Addr
	In            int
	// Otherwise it is a message of IGMP or MLD, from Source, that arrived at the interface with an index. The payload is
	// valid until the next Receive.
	Interface int
	Payload   []byte
}

// Router is the multicast routing of one family.
type Router struct {
	family family
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
	oob    []byte
}

// family has what differs between IPv4 and IPv6.
type family interface {
	open() (fd int, err error)
	// prepare makes the socket the router of the namespace.
	prepare(fd int) error
	// join makes the kernel deliver the messages that hosts send to all routers on an interface.
	join(fd, index int) error
	addInterface(fd, number, index int) error
	setRoute(fd int, r Route) error
	removeRoute(fd int, r Route) error
	packets(fd int, r Route) (uint64, error)
	// parse decodes what was received. It returns false for what is nobody's concern.
	parse(data, oob []byte, from unix.Sockaddr) (Packet, bool)
	// send sends a message by an interface. The kernel chooses the source if it is not valid.
	send(fd, index int, source, to netip.Addr, payload []byte) error
}

// OpenIPv4 becomes the multicast router for IPv4 of the network namespace of the calling thread.
func OpenIPv4() (*Router, error) { return open("IPv4", ipv4{}) }

// OpenIPv6 becomes the multicast router for IPv6.
func OpenIPv6() (*Router, error) { return open("IPv6", ipv6{}) }

func open(name string, f family) (*Router, error) {
	fd, err := f.open()
	if err == nil {
		if err = f.prepare(fd); err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("becoming the multicast router for %s: %w", name, explain(err))
	}
	file := os.NewFile(uintptr(fd), "mroute")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Router{family: f, file: file, raw: raw, buffer: make([]byte, largestPacket), oob: make([]byte, 256)}, nil
}

// largestPacket is more than a message of IGMP or MLD, which fits the MTU of its link.
const largestPacket = 64 << 10

func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w; the container needs the capabilities NET_ADMIN and NET_RAW", err)
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w; another program routes multicast in this pod: stop it", err)
	case errors.Is(err, unix.ENOPROTOOPT):
		return fmt.Errorf("%w; the node's kernel needs CONFIG_IP_MROUTE and CONFIG_IPV6_MROUTE", err)
	default:
		return err
	}
}

// control calls a function with the socket's descriptor.
func (r *Router) control(f func(fd int) error) error {
	var failed error
	err := r.raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	return errors.Join(err, failed)
}

// AddInterface makes an interface, by its index, one between which packets are forwarded, under a number of its own.
func (r *Router) AddInterface(number, index int) error {
	err := r.control(func(fd int) error {
		if err := r.family.addInterface(fd, number, index); err != nil {
			return err
		}
		if err := r.family.join(fd, index); err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("adding interface %d to the multicast router: %w", index, err)
	}
	return nil
}

// SetRoute adds an entry, or replaces the one of its source and group. Packets that wait for it are forwarded.
func (r *Router) SetRoute(route Route) error {
	if err := r.control(func(fd int) error { return r.family.setRoute(fd, route) }); err != nil {
		return fmt.Errorf("setting the route from %s to %s: %w", route.Source, route.Group, err)
	}
	return nil
}

// RemoveRoute removes an entry. Removing an absent one succeeds.
func (r *Router) RemoveRoute(route Route) error {
	err := r.control(func(fd int) error { return r.family.removeRoute(fd, route) })
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing the route from %s to %s: %w", route.Source, route.Group, err)
	}
	return nil
}

// Packets returns how many packets have used an entry.
func (r *Router) Packets(route Route) (n uint64, err error) {
	err = r.control(func(fd int) error {
		n, err = r.family.packets(fd, route)
		return err
	})
	return n, err
}

// Send sends a message of IGMP or MLD by an interface.
func (r *Router) Send(index int, source, to netip.Addr, payload []byte) error {
	err := r.control(func(fd int) error { return r.family.send(fd, index, source, to, payload) })
	if err != nil {
		return fmt.Errorf("sending to %s by interface %d: %w", to, index, err)
	}
	return nil
}

// Receive waits for the next packet. It fails once the router is closed. Only one caller at a time may use it.
func (r *Router) Receive() (Packet, error) {
	for {
		var (
			n, oobn int
			from    unix.Sockaddr
			failed  error
		)
		err := r.raw.Read(func(fd uintptr) bool {
			n, oobn, _, from, failed = unix.Recvmsg(int(fd), r.buffer, r.oob, unix.MSG_DONTWAIT)
			return !errors.Is(failed, unix.EAGAIN)
		})
		switch {
		case err != nil:
			return Packet{}, err
		case errors.Is(failed, unix.EINTR), errors.Is(failed, unix.ENOBUFS), errors.Is(failed, unix.ENETDOWN):
			continue // An interface went down, or packets were lost. Hosts repeat what they report.
		case failed != nil:
			return Packet{}, fmt.Errorf("receiving multicast messages: %w", failed)
		}
		if p, ok := r.family.parse(r.buffer[:n], r.oob[:oobn], from); ok {
			return p, nil
		}
	}
}

// Close ends the router. The kernel then forwards no multicast.
func (r *Router) Close() error { return r.file.Close() }

// setBytes sets an option of a socket to a structure.
func setBytes(fd, level, option int, value []byte) error {
	return unix.SetsockoptString(fd, level, option, string(value))
}

// interfaceOf returns the index in a control message of the given kind, whose index is at an offset.
func interfaceOf(oob []byte, level, kind, offset int) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if int(m.Header.Level) == level && int(m.Header.Type) == kind && len(m.Data) >= offset+4 {
			return int(binary.NativeEndian.Uint32(m.Data[offset:]))
		}
	}
	return 0
}
