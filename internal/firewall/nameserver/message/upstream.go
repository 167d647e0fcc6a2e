package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Ask returns the message that asks a server. The name is spelled as spelled.
func Ask(q Question, id uint16, spelled string) ([]byte, error) {
	m := dns.Msg{
		MsgHdr:   dns.MsgHdr{Id: id, RecursionDesired: true, CheckingDisabled: q.IsUnchecked},
		Question: []dns.Question{{Name: spelled, Qtype: q.Type, Qclass: dns.ClassINET}},
	}
	m.SetEdns0(MaxDatagram, q.WantsSignatures)
	return m.Pack()
}

// Spell returns a name with each letter in the case that the next random bit selects.
func Spell(name string, random []byte) string {
	spelled := []byte(name)
	for i, c := range spelled {
		if c >= 'a' && c <= 'z' && i/8 < len(random) && random[i/8]>>(i%8)&1 != 0 {
			spelled[i] = c - 'a' + 'A'
		}
	}
	return string(spelled)
}

// Errors of Match.
var (
	// ErrForeign is the error for a message that is no answer to the question. It may be forged, or late.
	ErrForeign = errors.New("the message does not answer the question")
	// ErrRespelled is the error for an answer whose question is spelled in another way.
	ErrRespelled = errors.New("the server has spelled the question in another way")
)

// Match reads an answer of a server, and checks that it is the answer to a question that was asked.
func Match(data []byte, q Question, id uint16, spelled string) (*dns.Msg, error) {
	m := new(dns.Msg)
	if m.Unpack(data) != nil || !m.Response || m.Id != id || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 {
		return nil, ErrForeign
	}
	switch asked := m.Question[0]; {
	case asked.Qtype != q.Type, asked.Qclass != dns.ClassINET, !strings.EqualFold(asked.Name, spelled):
		return nil, ErrForeign
	case asked.Name != spelled && spelled != q.Name:
		return nil, ErrRespelled
	default:
		return m, nil
	}
}

// Accept returns the answer in a message that Match accepts. It has only records of the name and of what that stands
// for, so that a server cannot answer for names that nobody asked for.
func Accept(q Question, m *dns.Msg) (Answer, error) {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return Answer{}, fmt.Errorf("the server answers %s", dns.RcodeToString[m.Rcode])
	}
	a := Answer{Rcode: m.Rcode}
	owners := []string{q.Name}
	// Servers give aliases in their order. A server that does not loses the records after the first gap.
	for _, r := range m.Answer {
		header := r.Header()
		header.Name = strings.ToLower(header.Name)
		switch alias := r.(type) {
		case *dns.DNAME:
			if !dns.IsSubDomain(header.Name, owners[len(owners)-1]) {
				continue
			}
			a.Records = append(a.Records, r)
			continue
		case *dns.CNAME:
			if header.Name == owners[len(owners)-1] && q.Type != dns.TypeCNAME {
				alias.Target = strings.ToLower(alias.Target)
				owners = append(owners, alias.Target)
			}
		}
		if slices.Contains(owners, header.Name) && header.Class == dns.ClassINET {
			a.Records = append(a.Records, r)
		}
	}
	// The rest of the message is only needed to show that there are no records, or to check signatures.
	for _, r := range m.Ns {
		if q.WantsSignatures || r.Header().Rrtype == dns.TypeSOA && dns.IsSubDomain(r.Header().Name, owners[len(owners)-1]) {
			a.Authority = append(a.Authority, r)
		}
	}
	return a, nil
}
