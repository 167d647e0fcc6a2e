package message

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// RecordType is the type of a group record (RFC 3376, 4.2.12).
type RecordType uint8

// The types of records.
const (
	IsInclude RecordType = iota + 1
	IsExclude
	ToInclude
	ToExclude
	AllowSources
	BlockSources
)

// Record is what a host reports about one group.
type Record struct {
	Type    RecordType
	Group   netip.Addr
	Sources []netip.Addr
}

// Query is a question of a router.
type Query struct {
	// Group is the group that is asked about; not valid in a general query.
	Group   netip.Addr
	Sources []netip.Addr
	// MaxResponse is the time within which hosts answer.
	MaxResponse time.Duration
}

// Message is a query or a report.
type Message struct {
	// IsQuery is set for a query, and otherwise the message has Records.
	IsQuery bool
	Query   Query
	Records []Record
	// Old is set for a version that has no sources: IGMPv1 and v2, and MLDv1.
	Old bool
}

// ErrIgnored reports a message of another kind.
var ErrIgnored = errors.New("no message about groups")

var errShort = errors.New("the message is too short")

// reader reads fields of a message. Once it has failed, it returns zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || len(r.rest) < n {
		r.err = errShort
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) number() int { b := r.take(2); return int(b[0])<<8 | int(b[1]) }

func (r *reader) address(n int) netip.Addr {
	a, _ := netip.AddrFromSlice(r.take(n))
	return a
}

// addresses reads a list of addresses. Its length is checked before memory is allocated.
func (r *reader) addresses(count, n int) []netip.Addr {
	if r.err != nil || count*n > len(r.rest) {
		r.err = errShort
		return nil
	}
	var list []netip.Addr
	for range count {
		list = append(list, r.address(n))
	}
	return list
}

// records reads the records of a report of the newest version.
func (r *reader) records(n int) ([]Record, error) {
	r.take(2) // reserved
	count := r.number()
	var records []Record
	for range count {
		kind, words, sources := RecordType(r.byte()), int(r.byte()), r.number()
		record := Record{Type: kind, Group: r.address(n)}
		record.Sources = r.addresses(sources, n)
		r.take(4 * words)
		if r.err != nil {
			return nil, r.err
		}
		if kind < IsInclude || kind > BlockSources {
			continue // RFC 3376, 4.2.12: unrecognized types are ignored
		}
		if !record.Group.IsMulticast() {
			return nil, fmt.Errorf("%s is not a group", record.Group)
		}
		records = append(records, record)
	}
	return records, nil
}

// group returns the address of a group, which is not valid in a general query.
func group(a netip.Addr) (netip.Addr, error) {
	switch {
	case a.IsUnspecified():
		return netip.Addr{}, nil
	case !a.IsMulticast():
		return netip.Addr{}, fmt.Errorf("%s is not a group", a)
	default:
		return a, nil
	}
}

// join returns the report of an old version.
func join(a netip.Addr, kind RecordType) (Message, error) {
	if !a.IsMulticast() {
		return Message{}, fmt.Errorf("%s is not a group", a)
	}
	return Message{Old: true, Records: []Record{{Type: kind, Group: a}}}, nil
}

// appendRecords appends the records of a report of the newest version.
func appendRecords(b []byte, records []Record) []byte {
	b = append(b, 0, 0, byte(len(records)>>8), byte(len(records)))
	for _, r := range records {
		b = append(b, byte(r.Type), 0, byte(len(r.Sources)>>8), byte(len(r.Sources)))
		b = append(b, r.Group.AsSlice()...)
		for _, s := range r.Sources {
			b = append(b, s.AsSlice()...)
		}
	}
	return b
}

// appendQuerier appends robustness and interval of the querier, and the sources.
func appendQuerier(b []byte, q Query) []byte {
	b = append(b, Robustness, byte(QueryInterval/time.Second), byte(len(q.Sources)>>8), byte(len(q.Sources)))
	for _, s := range q.Sources {
		b = append(b, s.AsSlice()...)
	}
	return b
}

// The values that queries announce (RFC 3376, 8; RFC 3810, 9).
const (
	Robustness    = 2
	QueryInterval = 125 * time.Second
)

// decodeCode returns the value of a floating-point code of RFC 3376, 4.1.1, with so many bits of mantissa.
func decodeCode(code, mantissaBits int) int {
	marker := 1 << (mantissaBits + 3)
	if code < marker {
		return code
	}
	mantissa := code & (1<<mantissaBits - 1)
	exponent := code >> mantissaBits & 7
	return (mantissa | 1<<mantissaBits) << (exponent + 3)
}
