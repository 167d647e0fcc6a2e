package message

import (
	"net/netip"
	"time"
)

// The types of ICMPv6 messages that MLD uses.
const (
	MLDQuery    = 130
	MLDReport   = 131
	MLDDone     = 132
	MLDReportV2 = 143
)

// mldHeader is the length of a message of MLDv1.
const mldHeader = 24

// ParseMLD decodes an MLD message, without its IP header. The kernel has checked the checksum.
func ParseMLD(b []byte) (Message, error) {
	if len(b) < 8 {
		return Message{}, errShort
	}
	if b[0] == MLDReportV2 {
		r := reader{rest: b[4:]}
		records, err := r.records(16)
		return Message{Records: records}, err
	}
	if b[0] != MLDQuery && b[0] != MLDReport && b[0] != MLDDone {
		return Message{}, ErrIgnored
	}
	if len(b) < mldHeader {
		return Message{}, errShort
	}
	address := netip.AddrFrom16([16]byte(b[8:]))
	switch b[0] {
	case MLDReport:
		return join(address, IsExclude)
	case MLDDone:
		return join(address, ToInclude)
	}
	g, err := group(address)
	if err != nil {
		return Message{}, err
	}
	code := int(b[4])<<8 | int(b[5])
	m := Message{IsQuery: true, Old: len(b) < mldHeader+4, Query: Query{Group: g}}
	if m.Old {
		m.Query.MaxResponse = time.Duration(code) * time.Millisecond
		return m, nil
	}
	m.Query.MaxResponse = time.Duration(decodeCode(code, 12)) * time.Millisecond
	r := reader{rest: b[mldHeader+2:]}
	m.Query.Sources = r.addresses(r.number(), 16)
	return m, r.err
}

// MLDQueryMessage encodes a query of MLDv2, with a checksum of zero: the kernel writes it. Older hosts understand it
// too. The response time is at most 32.7 s.
func MLDQueryMessage(q Query) []byte {
	code := min(q.MaxResponse/time.Millisecond, 1<<15-1)
	b := []byte{MLDQuery, 0, 0, 0, byte(code >> 8), byte(code), 0, 0}
	b = append(b, orUnspecified(q.Group, netip.IPv6Unspecified())...)
	return appendQuerier(b, q)
}

// MLDReportMessage encodes a report of MLDv2, with a checksum of zero.
func MLDReportMessage(records []Record) []byte {
	return appendRecords([]byte{MLDReportV2, 0, 0, 0}, records)
}

// OldMLDReport encodes a report of MLDv1, or a done message if the record includes no source.
func OldMLDReport(r Record) []byte {
	kind := byte(MLDReport)
	if isLeave(r) {
		kind = MLDDone
	}
	return append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, r.Group.AsSlice()...)
}
