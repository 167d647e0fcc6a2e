package transport

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shareOfBuffer is the part of a socket's buffer that is certain to hold payload: the kernel counts what it spends on
// each segment too, which is several times a small one.
const shareOfBuffer = 4

// roomOf is how many bytes a connection takes without waiting; 0 where that is not known. It is for one caller at a
// time.
func roomOf(connection net.Conn) int {
	c, ok := connection.(*nowait)
	if !ok || c.raw.Control(c.look) != nil {
		return 0
	}
	return c.buffer.room
}

// sendBuffer is what a socket has to send and may have.
type sendBuffer struct {
	room         int
	size, queued int32
	length       uint32 // of size
}

// look asks the kernel, as nowait does, behind the scheduler's back.
func (s *sendBuffer) look(fd uintptr) {
	s.room, s.length = 0, uint32(unsafe.Sizeof(s.size))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_SNDBUF,
		uintptr(unsafe.Pointer(&s.size)), uintptr(unsafe.Pointer(&s.length)), 0)
	if errno != 0 {
		return
	}
	if _, _, errno = unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&s.queued))); errno == 0 {
		s.room = max(0, int(s.size)/shareOfBuffer-int(s.queued))
	}
}
