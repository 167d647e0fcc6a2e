package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

// ask returns the message of a client, changed by change.
func ask(t testing.TB, name string, kind uint16, change func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, kind)
	m.Id = 4711
	if change != nil {
		change(m)
	}
	data, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unpack(t testing.TB, data []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(data); err != nil {
		t.Fatal(err)
	}
	return m
}

// record parses a record in the form of zone files.
func record(t testing.TB, text string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A client gets an answer to what it asked, spelled as it did, with its ID and without what it did not ask for.
func TestReply(t *testing.T) {
	data := ask(t, "WWW.example.", dns.TypeA, func(m *dns.Msg) { m.CheckingDisabled = true })
	q, _, err := message.Parse(data, true)
	if err != nil || q.Name != "www.example." || !q.IsUnchecked || q.WantsSignatures || !q.IsRecursive() {
		t.Fatalf("parsed %+v, %v", q, err)
	}
	kept := record(t, "www.example. 60 IN A 192.0.2.1")
	got := unpack(t, q.Reply(message.Answer{Records: []dns.RR{kept}}))
	if got.Id != 4711 || !got.Response || !got.RecursionAvailable || !got.RecursionDesired || got.Authoritative ||
		got.AuthenticatedData || got.IsEdns0() != nil || got.Question[0].Name != "WWW.example." {
		t.Errorf("the answer is\n%s", got)
	}
	if len(got.Answer) != 1 || got.Answer[0].Header().Name != "WWW.example." || kept.Header().Name != "www.example." {
		t.Errorf("the records are %v, and what is kept is %s", got.Answer, kept)
	}
}

// A datagram has at most what its client receives, and at most what fits every path. The client asks again by TCP.
func TestLongAnswersAreTruncated(t *testing.T) {
	var a message.Answer
	for i := range 200 {
		a.Records = append(a.Records, record(t, fmt.Sprintf("a.example. 60 IN A 192.0.2.%d", i)))
	}
	for _, c := range []struct {
		size       uint16
		isDatagram bool
		most       int
	}{{0, true, 512}, {100, true, 512}, {800, true, 800}, {4096, true, 1232}, {4096, false, 65535}} {
		data := ask(t, "a.example.", dns.TypeA, func(m *dns.Msg) {
			if c.size > 0 {
				m.SetEdns0(c.size, true)
			}
		})
		q, _, err := message.Parse(data, c.isDatagram)
		if err != nil {
			t.Fatal(err)
		}
		reply := q.Reply(a)
		got := unpack(t, reply)
		if len(reply) > c.most || got.Truncated != c.isDatagram || (got.IsEdns0() != nil) != (c.size > 0) {
			t.Errorf("a client with %d bytes gets %d, truncated %t, with EDNS %t", c.size, len(reply), got.Truncated,
				got.IsEdns0() != nil)
		}
		if option := got.IsEdns0(); option != nil && (option.UDPSize() != 1232 || !option.Do()) {
			t.Errorf("the option is %s", option)
		}
	}
}

// What is no question for a forwarder gets the right error, or no answer at all.
func TestOtherMessagesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		data  []byte
		rcode int // -1 for no answer
	}{
		"nothing":       {nil, -1},
		"half a header": {make([]byte, 11), -1},
		"an answer":     {ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.Response = true }), -1},
		"an update":     {ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), dns.RcodeNotImplemented},
		"a notification": {
			ask(t, "a.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotImplemented,
		},
		"no question": {ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		"two questions": {
			ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError,
		},
		"a question with records": {
			ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.Answer = []dns.RR{record(t, "a. 1 IN A 192.0.2.1")} }),
			dns.RcodeFormatError,
		},
		"half a question": {ask(t, "a.example.", dns.TypeA, nil)[:20], dns.RcodeFormatError},
		"a zone":          {ask(t, "example.", dns.TypeAXFR, nil), dns.RcodeRefused},
		"everything":      {ask(t, "example.", dns.TypeANY, nil), dns.RcodeRefused},
		"the version": {
			ask(t, "version.bind.", dns.TypeTXT, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), dns.RcodeRefused,
		},
		"a later EDNS": {
			ask(t, "a.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().SetVersion(1) }), dns.RcodeBadVers,
		},
	} {
		_, refusal, err := message.Parse(c.data, true)
		if c.rcode < 0 {
			if !errors.Is(err, message.ErrIgnored) || refusal != nil {
				t.Errorf("%s: answered with %x, %v", name, refusal, err)
			}
			continue
		}
		if !errors.Is(err, message.ErrRefused) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, asked := unpack(t, refusal), new(dns.Msg)
		if got.Rcode != c.rcode || got.Id != 4711 || !got.Response {
			t.Errorf("%s: answered with\n%s", name, got)
		}
		if asked.Unpack(c.data) == nil && len(got.Question) > 0 && got.Question[0] != asked.Question[0] {
			t.Errorf("%s: %v is answered as %v", name, asked.Question[0], got.Question[0])
		}
	}
}

// Only a message with the ID, the question and, if it was random, the spelling is an answer.
func TestAnswersAreMatched(t *testing.T) {
	q := message.Question{Name: "www.example.", Type: dns.TypeA}
	spelled := message.Spell(q.Name, []byte{0x55, 0x55})
	if spelled != "WwW.ExAmPlE." {
		t.Fatalf("the name is spelled %s", spelled)
	}
	reply := func(change func(*dns.Msg)) []byte {
		return ask(t, spelled, dns.TypeA, func(m *dns.Msg) {
			m.Response = true
			change(m)
		})
	}
	for name, c := range map[string]struct {
		change func(*dns.Msg)
		want   error
	}{
		"the answer":       {func(*dns.Msg) {}, nil},
		"another ID":       {func(m *dns.Msg) { m.Id++ }, message.ErrForeign},
		"a question":       {func(m *dns.Msg) { m.Response = false }, message.ErrForeign},
		"another name":     {func(m *dns.Msg) { m.Question[0].Name = "wwx.example." }, message.ErrForeign},
		"another type":     {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, message.ErrForeign},
		"another class":    {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, message.ErrForeign},
		"no question":      {func(m *dns.Msg) { m.Question = nil }, message.ErrForeign},
		"another spelling": {func(m *dns.Msg) { m.Question[0].Name = q.Name }, message.ErrRespelled},
	} {
		if _, err := message.Match(reply(c.change), q, 4711, spelled); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	respelled := reply(func(m *dns.Msg) { m.Question[0].Name = strings.ToUpper(q.Name) })
	if _, err := message.Match(respelled, q, 4711, q.Name); err != nil {
		t.Errorf("without a random spelling, another one is refused: %v", err)
	}
}

// An answer has only records of the name and of what it stands for.
func TestStrayRecordsAreLeftOut(t *testing.T) {
	m := new(dns.Msg).SetQuestion("WWW.example.", dns.TypeA)
	for _, text := range []string{
		"WWW.Example. 60 IN CNAME Cdn.example.", "cdn.example. 60 IN A 192.0.2.1", "bank.example. 60 IN A 192.0.2.66",
		"www.example. 60 CH A \\# 4 c0000201",
	} {
		m.Answer = append(m.Answer, record(t, text))
	}
	m.Ns = []dns.RR{record(t, "example. 60 IN NS ns.evil.example.")}
	a, err := message.Accept(message.Question{Name: "www.example.", Type: dns.TypeA}, m)
	var got []string
	for _, r := range append(a.Records, a.Authority...) {
		got = append(got, strings.ReplaceAll(r.String(), "\t", " "))
	}
	want := "[www.example. 60 IN CNAME cdn.example. cdn.example. 60 IN A 192.0.2.1]"
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("accepted %v, %v, want %s", got, err, want)
	}
	m.Rcode = dns.RcodeRefused
	if _, err := message.Accept(message.Question{Name: "www.example."}, m); err == nil {
		t.Error("a refusal is accepted")
	}
}

// The SOA record of a name's zone is kept, since it has how long a name does not exist.
func TestNegativeAnswersKeepTheirLifetime(t *testing.T) {
	m := new(dns.Msg).SetQuestion("no.example.", dns.TypeA)
	m.Rcode = dns.RcodeNameError
	m.Ns = []dns.RR{
		record(t, "example. 60 IN SOA ns.example. host.example. 1 2 3 4 30"),
		record(t, "other. 60 IN SOA ns.other. host.other. 1 2 3 4 86400"),
	}
	a, err := message.Accept(message.Question{Name: "no.example.", Type: dns.TypeA}, m)
	if err != nil || a.Rcode != dns.RcodeNameError || len(a.Authority) != 1 {
		t.Errorf("accepted %+v, %v", a, err)
	}
}

// FuzzParse checks that no message of a client, whatever it has, gets an answer that is larger than the client receives
// or that is no answer to it.
func FuzzParse(f *testing.F) {
	f.Add(ask(f, "www.example.", dns.TypeA, nil), true)
	f.Add(ask(f, "www.example.", dns.TypeAAAA, func(m *dns.Msg) { m.SetEdns0(4096, true) }), true)
	f.Add(ask(f, "example.", dns.TypeAXFR, nil), false)
	f.Fuzz(func(t *testing.T, data []byte, isDatagram bool) {
		q, reply, err := message.Parse(data, isDatagram)
		if err == nil {
			reply = q.Reply(message.Failed())
		}
		if len(reply) == 0 {
			if err == nil {
				t.Error("a question gets no answer")
			}
			return
		}
		got := new(dns.Msg)
		if unpacked := got.Unpack(reply); unpacked != nil || !got.Response || string(reply[:2]) != string(data[:2]) {
			t.Errorf("the answer %x to %x cannot be read: %v", reply, data, unpacked)
		}
		if isDatagram && len(reply) > message.MaxDatagram {
			t.Errorf("the answer has %d bytes", len(reply))
		}
	})
}

// FuzzAccept checks that no message of a server yields records of a name that was not asked for.
func FuzzAccept(f *testing.F) {
	m := new(dns.Msg).SetQuestion("n.example.", dns.TypeA)
	m.Response, m.Id = true, 4711
	m.Answer = []dns.RR{record(f, "n.example. 60 IN A 192.0.2.1")}
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	q := message.Question{Name: "n.example.", Type: dns.TypeA}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := message.Match(data, q, 4711, q.Name)
		if err != nil {
			return
		}
		a, err := message.Accept(q, m)
		if err != nil {
			return
		}
		names := map[string]bool{q.Name: true}
		for _, r := range a.Records {
			if _, isAncestor := r.(*dns.DNAME); !isAncestor && !names[r.Header().Name] {
				t.Errorf("%s was not asked for", r)
			}
			if alias, ok := r.(*dns.CNAME); ok {
				names[alias.Target] = true
			}
		}
	})
}
