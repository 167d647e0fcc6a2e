package resolver

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// response returns a response with records in the form of zone files.
func response(t *testing.T, records ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, record)
	}
	return m
}

// Only addresses of the name and of its aliases count, and only those that hosts can have.
func TestReadingResponses(t *testing.T) {
	for _, c := range []struct {
		what    string
		records []string
		want    string
	}{
		{"nothing", nil, "[] 1h0m0s"},
		{
			"addresses",
			[]string{"n.example. 120 IN A 192.0.2.1", "N.Example. 60 IN AAAA 2001:db8::1"},
			"[192.0.2.1 2001:db8::1] 1m0s",
		},
		{
			"an alias",
			[]string{
				"a.example. 300 IN A 192.0.2.1", "n.example. 90 IN CNAME b.example.", "b.example. 600 IN CNAME a.example.",
			},
			"[192.0.2.1] 1m30s",
		},
		{"another name", []string{"m.example. 60 IN A 192.0.2.1"}, "[] 1h0m0s"},
		{
			"aliases in a circle",
			[]string{"n.example. 60 IN CNAME b.example.", "b.example. 60 IN CNAME n.example."},
			"[] 1h0m0s",
		},
		{
			"addresses of no host",
			[]string{
				"n.example. 60 IN A 127.0.0.1", "n.example. 60 IN A 0.0.0.0", "n.example. 60 IN A 224.0.0.1",
				"n.example. 60 IN AAAA ::1", "n.example. 60 IN AAAA fe80::1", "n.example. 60 IN AAAA ::ffff:192.0.2.1",
			},
			"[] 1h0m0s",
		},
	} {
		found := read(response(t, c.records...), "n.example")
		if got := fmt.Sprint(found.addresses, " ", found.ttl); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// FuzzReading checks that no response, whatever a server sends, yields an address that no host has.
func FuzzReading(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("n.example.", dns.TypeA)
	m.Answer = append(m.Answer, &dns.A{
		Hdr: dns.RR_Header{Name: "n.example.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1),
	})
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := new(dns.Msg)
		if m.Unpack(data) != nil {
			return
		}
		for _, a := range read(m, "n.example").addresses {
			if !a.IsGlobalUnicast() {
				t.Errorf("%s is no address of a host", a)
			}
		}
	})
}

// serve answers questions on a loopback address, and truncates answers in datagrams if there are many addresses.
func serve(t *testing.T, answer func(*dns.Msg) *dns.Msg) (at string) {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = packets.LocalAddr().String()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		isDatagram := server.PacketConn != nil
		server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			response := answer(question)
			if isDatagram {
				response.Truncate(512)
			}
			_ = w.WriteMsg(response)
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.ActivateAndServe()
		}()
		t.Cleanup(func() {
			_ = server.Shutdown()
			<-done
		})
	}
	return at
}

// A name has at most 64 addresses, also those that do not fit a datagram. A server that fails is left for the next one.
func TestLookUpIsBounded(t *testing.T) {
	broken := serve(t, func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure) })
	good := serve(t, func(q *dns.Msg) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		for i := range 100 {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5},
				A:   net.IPv4(192, 0, 2, byte(i)),
			})
		}
		return m
	})
	found, err := client{servers: []string{broken, good}}.lookUp(t.Context(), "n.example")
	if err != nil || len(found.addresses) != maxAddresses || found.ttl != minTTL {
		t.Errorf("found %d addresses for %v, %v", len(found.addresses), found.ttl, err)
	}
	none := serve(t, func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, dns.RcodeNameError) })
	found, err = client{servers: []string{none}}.lookUp(t.Context(), "n.example")
	if err != nil || found.ttl != minTTL {
		t.Errorf("a name that does not exist is found as %v, %v", found, err)
	}
	if found, err := (client{servers: []string{broken}}).lookUp(t.Context(), "n.example"); err == nil {
		t.Errorf("found %v although no server answers", found)
	}
}

// An address lives for the lifetime of the answer and the grace period. Another name does not make it end earlier.
func TestAddressesEndWithTheLongestAnswer(t *testing.T) {
	r, now, a := New(Config{}), time.Unix(1000, 0), netip.MustParseAddr("192.0.2.1")
	r.Set(document.Document{Addresses: []document.Address{{Name: "o", FQDN: []string{"x.example", "y.example"}}}})
	found := func(name string, ttl time.Duration) []result {
		return []result{{name: name, answer: answer{addresses: []netip.Addr{a}, ttl: ttl}}}
	}
	for _, step := range []struct {
		name string
		ttl  time.Duration
		want time.Duration
	}{
		{"x.example", time.Hour, 70 * time.Minute},
		{"y.example", time.Minute, 69 * time.Minute},
		{"z.example", time.Minute, 0},
	} {
		changes := r.record(found(step.name, step.ttl), now)
		if len(changes) == 0 && step.want == 0 {
			continue
		}
		if len(changes) != 1 || changes[0].Set != "dynamic.o.ipv4" || changes[0].Element.Remaining != step.want {
			t.Errorf("%s changes %+v, want %v", step.name, changes, step.want)
		}
		now = now.Add(time.Minute)
	}
	now = now.Add(2 * time.Hour)
	r.record(nil, now)
	if len(r.ends) > 0 {
		t.Errorf("%d elements are remembered after their ends", len(r.ends))
	}
}
