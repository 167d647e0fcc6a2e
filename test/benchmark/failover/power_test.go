package failover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// acknowledgement returns the kernel's answer to a request: struct nlmsghdr and struct nlmsgerr.
func acknowledgement(code int32) []byte {
	b := binary.NativeEndian.AppendUint32(nil, 36)
	b = binary.NativeEndian.AppendUint16(b, unix.NLMSG_ERROR)
	b = append(b, make([]byte, 10)...)
	b = binary.NativeEndian.AppendUint32(b, uint32(code))
	return append(b, make([]byte, 16)...)
}

func TestAnswers(t *testing.T) {
	two := bytes.Repeat(acknowledgement(0), 2)
	if n, err := answers(two); n != 2 || err != nil {
		t.Errorf("two: %d, %v", n, err)
	}
	refused := append(acknowledgement(0), acknowledgement(-int32(unix.ENODEV))...)
	if _, err := answers(refused); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a refusal: %v", err)
	}
	for name, b := range map[string][]byte{
		"short": two[:10], "cut off": two[:len(two)-4], "of another kind": append([]byte{36, 0, 0, 0, 16, 0}, two[6:]...),
	} {
		if _, err := answers(b); !errors.Is(err, errAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
