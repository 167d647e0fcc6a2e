package message

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/checksum"
)

// The types of IGMP messages.
const (
	igmpQuery    = 0x11
	igmpReportV1 = 0x12
	igmpReportV2 = 0x16
	igmpLeave    = 0x17
	igmpReportV3 = 0x22
)

const igmpHeader = 8

// tenth is the unit of the response time in IGMP.
const tenth = 100 * time.Millisecond

// ParseIGMP decodes an IGMP message, without its IP header.
func ParseIGMP(b []byte) (Message, error) {
	if len(b) < igmpHeader {
		return Message{}, errShort
	}
	if checksum.Of(b) != 0 {
		return Message{}, errors.New("the checksum is wrong")
	}
	address := netip.AddrFrom4([4]byte(b[4:]))
	switch b[0] {
	case igmpQuery:
		return parseIGMPQuery(b, address)
	case igmpReportV1, igmpReportV2:
		return join(address, IsExclude)
	case igmpLeave:
		return join(address, ToInclude)
	case igmpReportV3:
		r := reader{rest: b[4:]}
		records, err := r.records(4)
		return Message{Records: records}, err
	default:
		return Message{}, ErrIgnored
	}
}

func parseIGMPQuery(b []byte, address netip.Addr) (Message, error) {
	g, err := group(address)
	m := Message{IsQuery: true, Old: len(b) < igmpHeader+4, Query: Query{Group: g}}
	if err != nil {
		return Message{}, err
	}
	if m.Old {
		m.Query.MaxResponse = time.Duration(b[1]) * tenth
		if b[1] == 0 { // IGMPv1
			m.Query.MaxResponse = 10 * time.Second
		}
		return m, nil
	}
	m.Query.MaxResponse = time.Duration(decodeCode(int(b[1]), 4)) * tenth
	r := reader{rest: b[igmpHeader+2:]}
	m.Query.Sources = r.addresses(r.number(), 4)
	return m, r.err
}

// IGMPQuery encodes a query of IGMPv3. Older hosts understand it too. The response time is at most 12.7 s.
func IGMPQuery(q Query) []byte {
	b := []byte{igmpQuery, byte(min(q.MaxResponse/tenth, 127)), 0, 0}
	b = append(b, orUnspecified(q.Group, netip.IPv4Unspecified())...)
	return withChecksum(appendQuerier(b, q))
}

// IGMPReport encodes a report of IGMPv3.
func IGMPReport(records []Record) []byte {
	return withChecksum(appendRecords([]byte{igmpReportV3, 0, 0, 0}, records))
}

// OldIGMPReport encodes a report of IGMPv2, or a leave if the record includes no source.
func OldIGMPReport(r Record) []byte {
	kind := byte(igmpReportV2)
	if isLeave(r) {
		kind = igmpLeave
	}
	return withChecksum(append([]byte{kind, 0, 0, 0}, r.Group.AsSlice()...))
}

func isLeave(r Record) bool {
	return (r.Type == ToInclude || r.Type == IsInclude) && len(r.Sources) == 0
}

func orUnspecified(a, unspecified netip.Addr) []byte {
	if !a.IsValid() {
		a = unspecified
	}
	return a.AsSlice()
}

func withChecksum(b []byte) []byte {
	binary.BigEndian.PutUint16(b[2:], checksum.Of(b))
	return b
}
