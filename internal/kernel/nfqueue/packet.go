package nfqueue

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
)

// errMalformed reports bytes that are not a message of nfnetlink_queue.
var errMalformed = errors.New("malformed message of nfnetlink_queue")

// Packet is a packet that waits for a verdict.
type Packet struct {
	// ID names the packet in the verdict.
	ID uint32
	// Mark is the packet's mark.
	Mark uint32
	// In is the index of the interface that the packet came from.
	In uint32
	// Bytes are the packet from its network header on.
	Bytes []byte
	// IsTruncated is set if the packet is longer than Bytes.
	IsTruncated bool
}

// Attributes of a packet (enum nfqnl_attr_type).
const (
	attributeHeader  = 1
	attributeVerdict = 2
	attributeMark    = 3
	attributeIn      = 5
	attributePayload = 10
	attributeLength  = 13
)

const (
	// messageHeaderBytes is the length of struct nfgenmsg: family, version, resource.
	messageHeaderBytes = 4
	// packetHeaderBytes is the length of struct nfqnl_msg_packet_hdr: ID, protocol, hook.
	packetHeaderBytes = 7
)

// decode returns the packet in a message.
func decode(message []byte) (p Packet, err error) {
	if len(message) < messageHeaderBytes {
		return p, fmt.Errorf("%w: %d bytes", errMalformed, len(message))
	}
	ad, err := netlink.NewAttributeDecoder(message[messageHeaderBytes:])
	if err != nil {
		return p, fmt.Errorf("%w: %w", errMalformed, err)
	}
	ad.ByteOrder = binary.BigEndian
	hasID := false
	for ad.Next() {
		switch ad.Type() {
		case attributeHeader:
			if header := ad.Bytes(); len(header) >= packetHeaderBytes {
				p.ID, hasID = binary.BigEndian.Uint32(header), true
			}
		case attributeMark:
			p.Mark = ad.Uint32()
		case attributeIn:
			p.In = ad.Uint32()
		case attributePayload:
			p.Bytes = ad.Bytes()
		case attributeLength:
			p.IsTruncated = true // The kernel sends the length of truncated packets only.
		}
	}
	if err := ad.Err(); err != nil {
		return Packet{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if !hasID {
		return Packet{}, fmt.Errorf("%w: a packet without an ID", errMalformed)
	}
	return p, nil
}
