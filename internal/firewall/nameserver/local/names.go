// Package local has the names that the unit knows itself: records of the document, hosts with a DHCP lease, and names
// that must not be asked for on the Internet. It also decides which servers know all others. It is pure, apart from the
// leases, which the caller gives.
package local

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

// lifetime is how long clients keep what the unit knows itself, in seconds. A host can get another address, and the
// document can change.
const lifetime = 60

// Leases are the hosts that have an address by DHCP.
type Leases interface {
	// AddressOf returns the address of a host, by its name with the domain and without a dot at its end.
	AddressOf(name string) (netip.Addr, bool)
	// NameOf returns the name of the host that has an address, in the same form.
	NameOf(netip.Addr) (string, bool)
}

// Kind is what happens to a question.
type Kind uint8

// The kinds.
const (
	// Answered questions have an answer.
	Answered Kind = iota + 1
	// Aliased questions have an alias as the beginning of their answer. The same question about that name has the rest.
	Aliased
	// Forwarded questions are for other servers.
	Forwarded
)

// Decision is what happens to a question.
type Decision struct {
	Kind   Kind
	Answer message.Answer
	// Alias is the name of an aliased question.
	Alias string
	// Group are the servers of a forwarded question: zero for those of all names, and otherwise the number of an entry of
	// forwarding, counted from one.
	Group int
}

// isLocal is the group of domains that no server is asked about.
const isLocal = -1

// Names are those of a document.
type Names struct {
	records map[string]document.DNSRecord
	// parents are the names above those of records. They exist, without records of their own.
	parents map[string]bool
	// reverse has the names of addresses.
	reverse map[netip.Addr]string
	// domains has the group of each domain.
	domains map[string]int
	leases  Leases // nil if they have no names
}

// New returns the names of a valid document.
func New(d document.DNS, leases Leases) *Names {
	n := &Names{
		records: map[string]document.DNSRecord{}, parents: map[string]bool{}, reverse: map[netip.Addr]string{},
		domains: map[string]int{},
	}
	if d.HasLeaseNames() {
		n.leases = leases
	}
	for _, name := range special {
		n.domains[name] = isLocal
	}
	for _, name := range d.LocalDomains {
		n.domains[dns.Fqdn(name)] = isLocal
	}
	for i, f := range d.Forwarding {
		for _, name := range f.Domains {
			n.domains[dns.Fqdn(name)] = i + 1
		}
	}
	for _, r := range d.Records {
		name := dns.Fqdn(r.Name)
		n.records[name] = r
		for parent := parentOf(name); parent != ""; parent = parentOf(parent) {
			n.parents[parent] = true
		}
		for _, a := range r.Addresses {
			if _, has := n.reverse[a]; !has {
				n.reverse[a] = name
			}
		}
	}
	return n
}

// parentOf returns the name above a name; empty if that is the root.
func parentOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return parent
}

// Decide decides about a question.
func (n *Names) Decide(q message.Question) Decision {
	if r, ok := n.records[q.Name]; ok {
		return decideRecord(q, r)
	}
	if a, ok := addressIn(q.Name); ok {
		if name := n.nameOf(a); name != "" {
			return answered(q, []dns.RR{&dns.PTR{Hdr: header(q.Name, dns.TypePTR), Ptr: name}})
		}
	} else if a, ok := n.leased(q.Name); ok {
		return answered(q, []dns.RR{addressRecord(q.Name, a)})
	}
	domain, group := n.domainOf(q.Name)
	switch {
	case group != isLocal:
		return Decision{Kind: Forwarded, Group: group}
	case domain == localhost:
		return answered(q, []dns.RR{
			addressRecord(q.Name, netip.AddrFrom4([4]byte{127, 0, 0, 1})), addressRecord(q.Name, netip.IPv6Loopback()),
		})
	case q.Name == domain || n.parents[q.Name]:
		return negative(domain, dns.RcodeSuccess)
	default:
		return negative(domain, dns.RcodeNameError)
	}
}

func decideRecord(q message.Question, r document.DNSRecord) Decision {
	if r.Alias == "" {
		records := make([]dns.RR, 0, len(r.Addresses))
		for _, a := range r.Addresses {
			records = append(records, addressRecord(q.Name, a))
		}
		return answered(q, records)
	}
	alias := &dns.CNAME{Hdr: header(q.Name, dns.TypeCNAME), Target: dns.Fqdn(r.Alias)}
	if q.Type == dns.TypeCNAME {
		return answered(q, []dns.RR{alias})
	}
	return Decision{
		Kind: Aliased, Alias: alias.Target, Answer: message.Answer{Records: []dns.RR{alias}, IsAuthoritative: true},
	}
}

// nameOf returns the name of the host that has an address; empty if it has none here.
func (n *Names) nameOf(a netip.Addr) string {
	if name, ok := n.reverse[a]; ok {
		return name
	}
	if n.leases == nil {
		return ""
	}
	name, ok := n.leases.NameOf(a)
	if !ok || isReservedHost(name) {
		return ""
	}
	if _, isTaken := n.records[dns.Fqdn(name)]; isTaken {
		return "" // The name is that of another host.
	}
	return dns.Fqdn(name)
}

// leased returns the address of the host with a lease that has a name.
func (n *Names) leased(name string) (netip.Addr, bool) {
	name = strings.TrimSuffix(name, ".")
	if n.leases == nil || isReservedHost(name) {
		return netip.Addr{}, false
	}
	return n.leases.AddressOf(name)
}

// isReservedHost reports whether a name is one by which hosts find their proxy or router. A host that could give itself
// such a name would receive the traffic of the others.
func isReservedHost(name string) bool {
	host, _, _ := strings.Cut(name, ".")
	return host == "wpad" || host == "isatap"
}

// domainOf returns the longest domain of a name that is not that of all names, and its group.
func (n *Names) domainOf(name string) (domain string, group int) {
	for domain = name; domain != ""; domain = parentOf(domain) {
		if group, ok := n.domains[domain]; ok {
			return domain, group
		}
	}
	return "", 0
}

// answered returns the decision for a name that exists, with those of its records that were asked for.
func answered(q message.Question, records []dns.RR) Decision {
	a := message.Answer{IsAuthoritative: true}
	for _, r := range records {
		if r.Header().Rrtype == q.Type {
			a.Records = append(a.Records, r)
		}
	}
	if len(a.Records) == 0 {
		return negative(q.Name, dns.RcodeSuccess)
	}
	return Decision{Kind: Answered, Answer: a}
}

// negative returns the decision for a name that does not exist, or without records. The SOA record has how long that
// holds.
func negative(zone string, rcode int) Decision {
	soa := &dns.SOA{
		Hdr: header(zone, dns.TypeSOA), Ns: "localhost.", Mbox: "nobody.invalid.", Serial: 1, Refresh: 3600, Retry: 1200,
		Expire: 604800, Minttl: lifetime,
	}
	return Decision{Kind: Answered, Answer: message.Answer{
		Rcode: rcode, Authority: []dns.RR{soa}, IsAuthoritative: true,
	}}
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: lifetime}
}

func addressRecord(name string, a netip.Addr) dns.RR {
	if a.Is4() {
		return &dns.A{Hdr: header(name, dns.TypeA), A: a.AsSlice()}
	}
	return &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: a.AsSlice()}
}
