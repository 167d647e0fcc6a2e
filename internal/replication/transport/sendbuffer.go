package transport

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// payloadShare is the share of a socket's buffer that certainly holds payload, as a divisor. The kernel also counts its
// overhead for each segment, which is several times the size of a small one.
const payloadShare = 4

// sendBuffer reads the state of a socket's send buffer. It is not safe for concurrent use.
type sendBuffer struct {
	free         int // result of the last read; 0 if it failed
	size, queued int32
	length       uint32 // of size
}

// read asks the kernel, without Go's scheduler; see nowait.
func (s *sendBuffer) read(fd uintptr) {
	s.free, s.length = 0, uint32(unsafe.Sizeof(s.size))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_SNDBUF,
		uintptr(unsafe.Pointer(&s.size)), uintptr(unsafe.Pointer(&s.length)), 0)
	if errno != 0 {
		return
	}
	if _, _, errno = unix.RawSyscall(unix.SYS_IOCTL, fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&s.queued))); errno == 0 {
		s.free = max(0, int(s.size)/payloadShare-int(s.queued))
	}
}
