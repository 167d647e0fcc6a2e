package transport

import (
	"net"

	"golang.org/x/sys/unix"
)

// shareOfBuffer is the part of a socket's buffer that is certain to hold payload: the kernel counts what it spends on
// each segment too, which is several times a small one.
const shareOfBuffer = 4

// roomOf tells how many bytes a connection takes without waiting; 0 where that is not known.
func roomOf(connection net.Conn) func() int {
	none := func() int { return 0 }
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return none
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return none
	}
	var room int
	look := func(fd uintptr) {
		room = 0
		size, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
		if err != nil {
			return
		}
		if queued, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			room = max(0, size/shareOfBuffer-queued)
		}
	}
	return func() int {
		if raw.Control(look) != nil {
			return 0
		}
		return room
	}
}
