package heartbeat

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
	"github.com/hapair-io/hapair/internal/kernel/socketfilter"
)

// filter makes the kernel drop what cannot be from the peer: datagrams that arrive at other interfaces, and those
// without the name of a key of this unit. A stranger cannot guess a name. So a flood of datagrams neither fills the
// socket's buffer nor takes the receiver's time, whatever addresses it claims to come from. What passes is then
// authenticated.
func (l *Link) filter() {
	f := socketfilter.Filter{Interfaces: l.interfaces}
	for _, id := range l.keys.ids() {
		f.Contents = append(f.Contents, socketfilter.Content{Offset: seal.KeyOffset, Value: id})
	}
	if len(f.Contents) == 0 {
		f.Contents = []socketfilter.Content{{Offset: seal.KeyOffset}} // No session gives this name.
	}
	if err := f.Attach(l.raw); err != nil {
		l.log.Error(err, "Filtering datagrams in the kernel failed, continuing without")
	}
}

// controlsSize is the space for the kernel's count of dropped datagrams.
const controlsSize = 32

// countUnread makes the kernel report with each datagram how many it has dropped.
func countUnread(raw syscall.RawConn) (err error) {
	controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
	if controlErr != nil {
		return controlErr
	}
	if err != nil {
		return fmt.Errorf("setting SO_RXQ_OVFL of the socket: %w", err)
	}
	return nil
}

// unreadSince returns how many datagrams the kernel has dropped since it reported last. The report comes with a
// datagram (struct cmsghdr in socket.h), in controls of n bytes. The kernel sends its first one after it dropped
// something.
func (in *incoming) unreadSince(n int) uint64 {
	if n < unix.CmsgLen(4) {
		return 0
	}
	header := in.controls[unix.CmsgLen(0)-8 : n]
	level, kind := binary.NativeEndian.Uint32(header), binary.NativeEndian.Uint32(header[4:])
	if level != unix.SOL_SOCKET || kind != unix.SO_RXQ_OVFL {
		return 0
	}
	count := binary.NativeEndian.Uint32(header[8:])
	since := count - in.unread // The kernel's count wraps around.
	in.unread = count
	return uint64(since)
}
