// Package arrival reads the kernel's time of arrival of a packet. Packages tracer and traffic use it, so that a process
// that reads a packet late still knows when it came.
package arrival

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// ControlSize is enough for the control message with the time of arrival.
const ControlSize = 128

// Time returns the time of arrival from control messages, see SO_TIMESTAMPNS in socket(7), or false without one.
func Time(control []byte) (time.Time, bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			seconds := int64(binary.NativeEndian.Uint64(m.Data))
			return time.Unix(seconds, int64(binary.NativeEndian.Uint64(m.Data[8:]))), true
		}
	}
	return time.Time{}, false
}
