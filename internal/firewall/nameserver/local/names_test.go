package local_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/local"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

// leases are hosts by their names.
type leases map[string]string

func (l leases) AddressOf(name string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(l[name])
	return a, err == nil
}

func (l leases) NameOf(a netip.Addr) (string, bool) {
	for name, address := range l {
		if address == a.String() {
			return name, true
		}
	}
	return "", false
}

func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func newNames(change func(*document.DNS)) *local.Names {
	d := document.DNS{
		LocalDomains: []string{"lan.example", "home"},
		Forwarding: []document.DNSForwarding{
			{Domains: []string{"corp.example", "9.10.in-addr.arpa"}}, {Domains: []string{"deep.lan.example"}},
		},
		Records: []document.DNSRecord{
			{Name: "nas.lan.example", Addresses: addresses("192.168.50.20", "fd50::20", "192.168.50.21")},
			{Name: "files.example", Alias: "nas.lan.example"},
			{Name: "old.example", Addresses: addresses("192.168.50.20")},
			{Name: "taken.lan.example", Addresses: addresses("192.168.50.66")},
			{Name: "a.b.home", Addresses: addresses("192.168.50.99")},
		},
	}
	if change != nil {
		change(&d)
	}
	return local.New(d, leases{
		"laptop.lan.example": "192.168.50.100", "wpad.lan.example": "192.168.50.101", "taken.lan.example": "192.168.50.102",
	})
}

// describe returns a decision as one line.
func describe(d local.Decision) string {
	var parts []string
	for _, r := range d.Answer.Records {
		parts = append(parts, strings.Join(strings.Fields(r.String())[3:], " "))
	}
	for _, r := range d.Answer.Authority {
		parts = append(parts, "SOA of "+r.Header().Name)
	}
	switch {
	case d.Kind == local.Forwarded:
		return fmt.Sprintf("forwarded to %d", d.Group)
	case d.Kind == local.Aliased:
		parts = append(parts, "then "+d.Alias)
	case d.Answer.Rcode != dns.RcodeSuccess:
		parts = append(parts, dns.RcodeToString[d.Answer.Rcode])
	}
	return strings.Join(parts, ", ")
}

func TestDecisions(t *testing.T) {
	names := newNames(nil)
	for _, c := range []struct {
		name string
		kind uint16
		want string
	}{
		{"www.example.com.", dns.TypeA, "forwarded to 0"},
		{".", dns.TypeNS, "forwarded to 0"},
		{"corp.example.", dns.TypeMX, "forwarded to 1"},
		{"www.corp.example.", dns.TypeA, "forwarded to 1"},
		{"xcorp.example.", dns.TypeA, "forwarded to 0"},
		{"x.deep.lan.example.", dns.TypeA, "forwarded to 2"},

		{"nas.lan.example.", dns.TypeA, "A 192.168.50.20, A 192.168.50.21"},
		{"nas.lan.example.", dns.TypeAAAA, "AAAA fd50::20"},
		{"nas.lan.example.", dns.TypeMX, "SOA of nas.lan.example."},
		{"old.example.", dns.TypeAAAA, "SOA of old.example."},
		{"files.example.", dns.TypeA, "CNAME nas.lan.example., then nas.lan.example."},
		{"files.example.", dns.TypeCNAME, "CNAME nas.lan.example."},
		{"20.50.168.192.in-addr.arpa.", dns.TypePTR, "PTR nas.lan.example."},
		{"20.50.168.192.in-addr.arpa.", dns.TypeA, "SOA of 20.50.168.192.in-addr.arpa."},
		{"0.2.0.0." + strings.Repeat("0.", 24) + "0.5.d.f.ip6.arpa.", dns.TypePTR, "PTR nas.lan.example."},

		{"laptop.lan.example.", dns.TypeA, "A 192.168.50.100"},
		{"laptop.lan.example.", dns.TypeAAAA, "SOA of laptop.lan.example."},
		{"100.50.168.192.in-addr.arpa.", dns.TypePTR, "PTR laptop.lan.example."},
		{"wpad.lan.example.", dns.TypeA, "SOA of lan.example., NXDOMAIN"},
		{"101.50.168.192.in-addr.arpa.", dns.TypePTR, "SOA of 168.192.in-addr.arpa., NXDOMAIN"},
		{"taken.lan.example.", dns.TypeA, "A 192.168.50.66"},
		{"102.50.168.192.in-addr.arpa.", dns.TypePTR, "SOA of 168.192.in-addr.arpa., NXDOMAIN"},

		{"no.lan.example.", dns.TypeA, "SOA of lan.example., NXDOMAIN"},
		{"lan.example.", dns.TypeA, "SOA of lan.example."},
		{"b.home.", dns.TypeA, "SOA of home."},
		{"localhost.", dns.TypeA, "A 127.0.0.1"},
		{"x.localhost.", dns.TypeAAAA, "AAAA ::1"},
		{"printer.local.", dns.TypeA, "SOA of local., NXDOMAIN"},
		{"1.0.0.10.in-addr.arpa.", dns.TypePTR, "SOA of 10.in-addr.arpa., NXDOMAIN"},
		{"1.1.9.10.in-addr.arpa.", dns.TypePTR, "forwarded to 1"},
		{"1.2.3.8.in-addr.arpa.", dns.TypePTR, "forwarded to 0"},
		{"x.50.168.192.in-addr.arpa.", dns.TypePTR, "SOA of 168.192.in-addr.arpa., NXDOMAIN"},
	} {
		if got := describe(names.Decide(message.Question{Name: c.name, Type: c.kind})); got != c.want {
			t.Errorf("%s of %s: %s, want %s", dns.TypeToString[c.kind], c.name, got, c.want)
		}
	}
}

// The document can leave the names of leases out.
func TestWithoutLeases(t *testing.T) {
	names := newNames(func(d *document.DNS) { d.LeaseNames = document.ChoiceDisabled })
	for _, name := range []string{"laptop.lan.example.", "100.50.168.192.in-addr.arpa."} {
		for _, kind := range []uint16{dns.TypeA, dns.TypePTR} {
			if d := names.Decide(message.Question{Name: name, Type: kind}); d.Answer.Rcode != dns.RcodeNameError {
				t.Errorf("%s is known as %s", name, describe(d))
			}
		}
	}
}

// FuzzDecide checks that every name has one decision, and that answers have only records of the name.
func FuzzDecide(f *testing.F) {
	names := newNames(nil)
	for _, name := range []string{"www.example.", "20.50.168.192.in-addr.arpa.", "1.ip6.arpa.", ".", "..", "a.b.home."} {
		f.Add(name, dns.TypePTR)
	}
	f.Fuzz(func(t *testing.T, name string, kind uint16) {
		d := names.Decide(message.Question{Name: name, Type: kind})
		if d.Kind < local.Answered || d.Kind > local.Forwarded || d.Group < 0 || d.Group > 2 {
			t.Errorf("decided %+v", d)
		}
		for _, r := range d.Answer.Records {
			if r.Header().Name != name || d.Kind == local.Answered && r.Header().Rrtype != kind {
				t.Errorf("%s is in the answer to %s", r, name)
			}
		}
	})
}
