package message

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/miekg/dns"
)

const (
	// MaxDatagram is the size of datagrams, in both directions. It fits every path without fragments, which are easy to
	// forge (RFC 9715).
	MaxDatagram = 1232
	// minDatagram is what a client without EDNS receives (RFC 1035, section 4.2.1).
	minDatagram = 512
	// MaxStream is the size of messages by TCP.
	MaxStream = 65535
	// headerLength is that of every message.
	headerLength = 12
)

// Errors of Parse.
var (
	// ErrIgnored is the error for a message that is no question. It must not be answered, since two servers could
	// otherwise answer each other forever.
	ErrIgnored = errors.New("the message is no question")
	// ErrRefused is the error for a question that is not answered as such.
	ErrRefused = errors.New("the question is malformed, or of a kind that is not answered")
)

// Question is what is asked for, apart from who asks.
type Question struct {
	// Name is a full name in lower case with a dot at its end.
	Name string
	Type uint16
	// WantsSignatures is the DO bit, and IsUnchecked the CD bit (RFC 4035).
	WantsSignatures, IsUnchecked bool
}

// Query is a question of a client.
type Query struct {
	Question

	id uint16
	// spelled is the name as the client wrote it, and class is IN in all questions that are answered.
	spelled string
	class   uint16
	// isRecursive is set if the client wants other servers to be asked.
	isRecursive, hasEDNS bool
	// limit is the size of the largest answer that the client receives.
	limit int
}

// IsRecursive reports whether other servers may be asked.
func (q Query) IsRecursive() bool { return q.isRecursive }

// Parse reads a question. With ErrRefused, it returns the message to send instead of an answer.
func Parse(data []byte, isDatagram bool) (q Query, refusal []byte, err error) {
	if len(data) < headerLength || data[2]&0x80 != 0 {
		return Query{}, nil, ErrIgnored
	}
	m := new(dns.Msg)
	malformed := m.Unpack(data) != nil
	q = Query{id: binary.BigEndian.Uint16(data), isRecursive: data[2]&1 != 0, limit: MaxStream}
	q.IsUnchecked = data[3]&0x10 != 0
	switch opcode := int(data[2] >> 3 & 0xf); {
	case opcode != dns.OpcodeQuery:
		return Query{}, q.refuse(opcode, dns.RcodeNotImplemented), ErrRefused
	case malformed || len(m.Question) != 1 || len(m.Answer) > 0 || len(m.Ns) > 0:
		return Query{}, q.refuse(opcode, dns.RcodeFormatError), ErrRefused
	}
	q.spelled, q.Type, q.class = m.Question[0].Name, m.Question[0].Qtype, m.Question[0].Qclass
	q.Name = strings.ToLower(q.spelled)
	size := minDatagram
	if option := m.IsEdns0(); option != nil {
		q.hasEDNS, q.WantsSignatures = true, option.Do()
		size = min(max(int(option.UDPSize()), minDatagram), MaxDatagram)
		if option.Version() != 0 {
			return Query{}, q.Reply(Answer{Rcode: dns.RcodeBadVers}), ErrRefused
		}
	}
	if isDatagram {
		q.limit = size
	}
	if q.class != dns.ClassINET || isMeta(q.Type) {
		return Query{}, q.Reply(Answer{Rcode: dns.RcodeRefused}), ErrRefused
	}
	return q, nil, nil
}

// isMeta reports whether a type stands for something else than records of that type: for a whole zone, or for all
// records of a name, which would only serve to flood others.
func isMeta(kind uint16) bool {
	switch kind {
	case dns.TypeNone, dns.TypeOPT, dns.TypeTKEY, dns.TypeTSIG, dns.TypeIXFR, dns.TypeAXFR, dns.TypeMAILA, dns.TypeMAILB,
		dns.TypeANY:
		return true
	default:
		return false
	}
}

// refuse returns a message without a question, for one that could not be read.
func (q Query) refuse(opcode, rcode int) []byte {
	m := dns.Msg{MsgHdr: dns.MsgHdr{
		Id: q.id, Response: true, Opcode: opcode, RecursionDesired: q.isRecursive, Rcode: rcode,
	}}
	data, err := m.Pack()
	if err != nil {
		return nil
	}
	return data
}

// Answer is the answer to a question. Its records are not changed after they are put there.
type Answer struct {
	Rcode int
	// Records are those that were asked for, and Authority shows why they do not exist.
	Records, Authority []dns.RR
	// IsAuthoritative is set if no other server knows better.
	IsAuthoritative bool
}

// Failed returns the answer if no server could be asked.
func Failed() Answer { return Answer{Rcode: dns.RcodeServerFailure} }

// Reply returns the message with an answer. What does not fit is left out, and the client asks again by TCP.
func (q Query) Reply(a Answer) []byte {
	m := dns.Msg{
		MsgHdr: dns.MsgHdr{
			Id: q.id, Response: true, Authoritative: a.IsAuthoritative, RecursionDesired: q.isRecursive,
			RecursionAvailable: true, CheckingDisabled: q.IsUnchecked, Rcode: a.Rcode,
		},
		Compress: true,
		Question: []dns.Question{{Name: q.spelled, Qtype: q.Type, Qclass: q.class}},
		Answer:   q.spell(a.Records),
		Ns:       a.Authority,
	}
	if q.hasEDNS {
		m.SetEdns0(MaxDatagram, q.WantsSignatures)
	}
	m.Truncate(q.limit)
	data, err := m.Pack()
	if err != nil {
		return q.refuse(dns.OpcodeQuery, dns.RcodeServerFailure)
	}
	return data
}

// spell returns records with the name as the client wrote it, which many clients compare.
func (q Query) spell(records []dns.RR) []dns.RR {
	if q.spelled == q.Name {
		return records
	}
	spelled := make([]dns.RR, 0, len(records))
	for _, r := range records {
		if r.Header().Name == q.Name {
			r = dns.Copy(r)
			r.Header().Name = q.spelled
		}
		spelled = append(spelled, r)
	}
	return spelled
}
