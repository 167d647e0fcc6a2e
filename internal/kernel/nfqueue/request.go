package nfqueue

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Messages of the subsystem (enum nfqnl_msg_types).
const (
	subsystem      = 3
	messagePacket  = 0
	messageVerdict = 1
	messageConfig  = 2
)

// Attributes of a configuration (enum nfqnl_attr_config), and their values.
const (
	configCommand    = 1
	configParameters = 2
	configLength     = 3
	configMask       = 4
	configFlags      = 5

	commandBind = 1
	copyPacket  = 2

	flagFailOpen = 1
)

// Verdicts (linux/netfilter.h).
const (
	verdictDrop   = 0
	verdictAccept = 1
)

// configuration returns the attributes that bind a socket to a queue.
func configuration(length uint32) []netlink.Attribute {
	return []netlink.Attribute{
		{Type: configCommand, Data: []byte{commandBind, 0, 0, 0}},
		{Type: configParameters, Data: append(binary.BigEndian.AppendUint32(nil, maxPacketBytes), copyPacket)},
		{Type: configLength, Data: binary.BigEndian.AppendUint32(nil, length)},
		{Type: configFlags, Data: binary.BigEndian.AppendUint32(nil, flagFailOpen)},
		{Type: configMask, Data: binary.BigEndian.AppendUint32(nil, flagFailOpen)},
	}
}

// verdict returns the attributes of a verdict. Without a payload the packet stays as it is.
func verdict(id, verdict uint32, payload []byte) []netlink.Attribute {
	header := binary.BigEndian.AppendUint32(nil, verdict)
	attributes := []netlink.Attribute{
		{Type: attributeVerdict, Data: binary.BigEndian.AppendUint32(header, id)},
	}
	if payload != nil {
		attributes = append(attributes, netlink.Attribute{Type: attributePayload, Data: payload})
	}
	return attributes
}

// request returns a message about a queue.
func request(kind uint16, queue uint16, flags netlink.HeaderFlags, attributes []netlink.Attribute) (
	m netlink.Message, err error,
) {
	encoded, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		return m, err
	}
	header := binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, queue)
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(subsystem<<8 | kind), Flags: netlink.Request | flags},
		Data:   append(header, encoded...),
	}, nil
}
