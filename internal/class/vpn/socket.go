package vpn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/class/vpn/udptable"
	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// receiveBuffer is the memory for messages that wait in the socket. It holds those of some thousand IKE SAs.
	receiveBuffer = 4 << 20
	// maxAtOnce bounds the messages that are handled at once. The socket holds fewer, so that only a process that sends
	// all the time reaches it.
	maxAtOnce = 16384
)

// socket is the UDP socket on the loopback to which the daemon sends. Its messages have no acknowledgements, but the
// kernel counts those that it drops.
type socket struct {
	connection *net.UDPConn
	raw        syscall.RawConn
	// sockets is the kernel's list, in which the daemon's socket is.
	sockets *udptable.Table
	// dropped is the kernel's counter of messages that found the socket full.
	dropped uint32
}

// listen opens the socket in the network namespace of the calling thread.
func listen() (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1),
				// Beyond the limit of the node, which needs CAP_NET_ADMIN. Without it, the limit has to do.
				growBuffer(int(fd)))
		})
		return errors.Join(controlErr, err)
	}}
	packets, err := config.ListenPacket(context.Background(), "udp4", contract.IKERelay().String())
	if err != nil {
		return nil, fmt.Errorf("listening to the IKE daemon: %w", err)
	}
	s := &socket{connection: packets.(*net.UDPConn)} //nolint:forcetypeassert // It is the type for the network udp4.
	if s.raw, err = s.connection.SyscallConn(); err == nil {
		s.sockets, err = udptable.Open()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening to the IKE daemon: %w", err), s.connection.Close())
	}
	return s, nil
}

func growBuffer(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer); !errors.Is(err, unix.EPERM) {
		return os.NewSyscallError("setting SO_RCVBUFFORCE", err)
	}
	return os.NewSyscallError("setting SO_RCVBUF", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer))
}

// run passes all messages to take until the socket is closed. Take reports whether there were any.
func (s *socket) run(take func(fd int) bool) {
	for {
		if err := s.raw.Read(func(fd uintptr) bool { return take(int(fd)) }); err != nil {
			return // It is closed. No other error is possible, since there is no deadline.
		}
	}
}

// drain passes those messages to take that wait already.
func (s *socket) drain(take func(fd int) bool) error {
	return s.raw.Control(func(fd uintptr) { take(int(fd)) })
}

// receive calls handle with each message that waits. It returns their number, and whether some were dropped before.
func (s *socket) receive(fd int, handle func(from netip.AddrPort, datagram []byte)) (n int, lost bool) {
	buffer, control := make([]byte, message.MaxBytes+1), make([]byte, unix.CmsgSpace(4))
	for n < maxAtOnce {
		length, controlBytes, _, from, err := unix.Recvmsg(fd, buffer, control, unix.MSG_DONTWAIT)
		if err != nil {
			return n, lost // EAGAIN: nothing waits. An unconnected socket reports nothing else about its peers.
		}
		n++
		lost = s.noteDropped(control[:controlBytes]) || lost
		if from, ok := from.(*unix.SockaddrInet4); ok {
			handle(netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port)), buffer[:length])
		}
	}
	return n, lost
}

// noteDropped reports whether the kernel has dropped messages since the last one. The control message is present once
// it ever dropped one.
func (s *socket) noteDropped(control []byte) bool {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_RXQ_OVFL || len(m.Data) < 4 {
			continue
		}
		before := s.dropped
		s.dropped = binary.NativeEndian.Uint32(m.Data)
		return s.dropped != before
	}
	return false
}

// send sends a message to the daemon.
func (s *socket) send(datagram []byte) error {
	_, err := s.connection.WriteToUDPAddrPort(datagram, contract.IKEDaemon())
	return err
}

func (s *socket) close() error { return errors.Join(s.connection.Close(), s.sockets.Close()) }
