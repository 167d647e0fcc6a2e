package conntrack

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// The messages of the nfnetlink subsystem conntrack (IPCTNL_MSG_CT_*), as in the type field of a netlink header.
const (
	messageNew    = unix.NFNL_SUBSYS_CTNETLINK<<8 + 0
	messageGet    = unix.NFNL_SUBSYS_CTNETLINK<<8 + 1
	messageDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 + 2
)

// The messages of the subsystem expectations (IPCTNL_MSG_EXP_*).
const (
	messageNewExpectation    = unix.NFNL_SUBSYS_CTNETLINK_EXP<<8 + 0
	messageGetExpectation    = unix.NFNL_SUBSYS_CTNETLINK_EXP<<8 + 1
	messageDeleteExpectation = unix.NFNL_SUBSYS_CTNETLINK_EXP<<8 + 2
)

// headers is the size of struct nlmsghdr and struct nfgenmsg, with which every message begins.
const headers = unix.SizeofNlMsghdr + 4

// message is one parsed netlink message. Its body is valid as long as the buffer that it was read from.
type message struct {
	kind, flags uint16
	sequence    uint32
	body        []byte
}

// nextMessage parses the first message of a datagram and returns the remaining bytes.
func nextMessage(b []byte) (message, []byte, error) {
	if len(b) < unix.SizeofNlMsghdr {
		return message{}, nil, fmt.Errorf("%w: a header of %d bytes", ErrMalformed, len(b))
	}
	length := binary.NativeEndian.Uint32(b)
	if length < unix.SizeofNlMsghdr || uint64(length) > uint64(len(b)) {
		return message{}, nil, fmt.Errorf("%w: a message claims %d bytes of %d", ErrMalformed, length, len(b))
	}
	m := message{
		kind:     binary.NativeEndian.Uint16(b[4:]),
		flags:    binary.NativeEndian.Uint16(b[6:]),
		sequence: binary.NativeEndian.Uint32(b[8:]),
		body:     b[unix.SizeofNlMsghdr:length],
	}
	return m, b[min(align(int(length)), len(b)):], nil
}

// decode overwrites the flow with the entry in the message.
func (m message) decode(f *Flow) error {
	attributes, err := m.attributes()
	if err != nil {
		return err
	}
	return f.decode(attributes)
}

// attributes returns the attributes of the message.
func (m message) attributes() ([]byte, error) {
	const nfgenmsg = headers - unix.SizeofNlMsghdr
	if len(m.body) < nfgenmsg {
		return nil, fmt.Errorf("%w: a body of %d bytes", ErrMalformed, len(m.body))
	}
	return m.body[nfgenmsg:], nil
}

// result returns the error that NLMSG_ERROR or NLMSG_DONE carries, or nil for success.
func (m message) result() error {
	if len(m.body) < 4 {
		return fmt.Errorf("%w: an answer of %d bytes", ErrMalformed, len(m.body))
	}
	if code := int32(binary.NativeEndian.Uint32(m.body)); code < 0 {
		return unix.Errno(-code)
	}
	return nil
}

// begin appends the headers of a message. Pass the result to end to complete it.
func (b *builder) begin(kind, flags uint16, sequence uint32, family uint8) int {
	start := len(b.bytes)
	b.bytes = append(b.bytes, 0, 0, 0, 0)
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, kind)
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, unix.NLM_F_REQUEST|flags)
	b.bytes = binary.NativeEndian.AppendUint32(b.bytes, sequence)
	b.bytes = append(b.bytes, 0, 0, 0, 0) // the port that answers go to: the kernel uses the socket's
	b.bytes = append(b.bytes, family, unix.NFNETLINK_V0, 0, 0)
	return start
}

func (b *builder) end(start int) {
	binary.NativeEndian.PutUint32(b.bytes[start:], uint32(len(b.bytes)-start))
}

// family returns the address family for the header of an entry's message.
func (t Tuple) family() uint8 {
	if t.Src.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
