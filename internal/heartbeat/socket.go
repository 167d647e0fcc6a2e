package heartbeat

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// classSelector6 is the traffic class of network control (RFC 4594 section 3.1). A network that supports classes
	// serves it before any data.
	classSelector6 = 48 << 2
	// priority is the equivalent for this machine's own queues, and the highest that needs no privilege.
	priority = 6
	// buffer holds several thousand datagrams. Strangers must send fast to displace the peer's, and a process that was
	// paused for a short time finds all of them.
	buffer = 4 << 20
)

// familyOf returns AF_INET6 for a socket that sends both IPv6 and IPv4, and AF_INET for one that sends only IPv4.
func familyOf(raw syscall.RawConn) (family int, err error) {
	controlErr := raw.Control(func(fd uintptr) {
		family, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	})
	if err = errors.Join(controlErr, err); err != nil {
		return 0, fmt.Errorf("reading the socket's family: %w", err)
	}
	return family, nil
}

// prioritise sets the priority of the socket's datagrams, and the size of its receive buffer.
func prioritise(raw syscall.RawConn, family int) error {
	var errs []error
	controlErr := raw.Control(func(fd uintptr) {
		set := func(level, option, value int, what string) {
			if err := unix.SetsockoptInt(int(fd), level, option, value); err != nil {
				errs = append(errs, fmt.Errorf("setting %s of the socket: %w", what, err))
			}
		}
		// The type of service sets a priority too, so the priority comes after it. On an IPv6 socket it applies to IPv4
		// datagrams.
		set(unix.IPPROTO_IP, unix.IP_TOS, classSelector6, "the type of service")
		if family == unix.AF_INET6 {
			set(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, classSelector6, "the traffic class")
		}
		set(unix.SOL_SOCKET, unix.SO_PRIORITY, priority, "the priority")
		// More than the system's limit needs NET_ADMIN. Without it, the limit applies.
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
			set(unix.SOL_SOCKET, unix.SO_RCVBUF, buffer, "the receive buffer")
		}
	})
	return errors.Join(append(errs, controlErr)...)
}
