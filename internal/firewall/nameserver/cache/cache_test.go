package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/nameserver/cache"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

func records(t *testing.T, texts ...string) (all []dns.RR) {
	t.Helper()
	for _, text := range texts {
		r, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func question(name string) message.Question { return message.Question{Name: name, Type: dns.TypeA} }

var limits = cache.Limits{Entries: 3, Min: 10 * time.Second, Max: time.Hour, Negative: time.Minute}

// An answer stays as long as its record that ends first, within the limits, and ages.
func TestLifetimes(t *testing.T) {
	const soa = "example. 3600 IN SOA ns.example. host.example. 1 2 3 4 "
	for name, c := range map[string]struct {
		answer message.Answer
		want   time.Duration
	}{
		"the shortest": {message.Answer{
			Records: records(t, "a. 300 IN CNAME b.", "b. 100 IN A 192.0.2.1"),
		}, 100 * time.Second},
		"a short one": {message.Answer{Records: records(t, "a. 0 IN A 192.0.2.1")}, limits.Min},
		"a long one":  {message.Answer{Records: records(t, "a. 4000000000 IN A 192.0.2.1")}, limits.Max},
		"no such name": {message.Answer{
			Rcode: dns.RcodeNameError, Authority: records(t, soa+"30"),
		}, 30 * time.Second},
		"no such name for long": {message.Answer{
			Rcode: dns.RcodeNameError, Authority: records(t, soa+"86400"),
		}, limits.Negative},
		"an alias of no name": {message.Answer{
			Rcode: dns.RcodeNameError, Records: records(t, "a. 5 IN CNAME b."), Authority: records(t, soa+"30"),
		}, 5 * time.Second},
		"no such records":           {message.Answer{Authority: records(t, soa+"30")}, 30 * time.Second},
		"nobody knows for how long": {message.Answer{Rcode: dns.RcodeNameError}, 0},
		"a failure":                 {message.Failed(), 0},
	} {
		k, begin := cache.New(limits), time.Hour
		k.Put(begin, question("a."), c.answer)
		if _, ok := k.Get(begin+c.want, question("a.")); ok {
			t.Errorf("%s: is kept for longer than %s", name, c.want)
		}
		k.Put(begin, question("a."), c.answer)
		got, ok := k.Get(begin+c.want-time.Second, question("a."))
		if c.want == 0 {
			if ok {
				t.Errorf("%s: is kept", name)
			}
			continue
		}
		if !ok || got.Rcode != c.answer.Rcode || len(got.Records) != len(c.answer.Records) {
			t.Errorf("%s: got %+v, %t before %s", name, got, ok, c.want)
			continue
		}
		for _, r := range append(got.Records, got.Authority...) {
			if r.Header().Ttl != 1 {
				t.Errorf("%s: %s has another lifetime than the second that is left", name, r)
			}
		}
	}
}

// A question for signatures has an answer of its own.
func TestQuestionsAreKeptApart(t *testing.T) {
	k := cache.New(limits)
	k.Put(0, question("a."), message.Answer{Records: records(t, "a. 300 IN A 192.0.2.1")})
	signed := question("a.")
	signed.WantsSignatures = true
	if _, ok := k.Get(0, signed); ok {
		t.Error("an answer without signatures is given to a client that wants them")
	}
}

// A full cache gives up what was used longest ago, and never has more than its limits allow.
func TestFullCache(t *testing.T) {
	k := cache.New(limits)
	put := func(name string) {
		k.Put(0, question(name), message.Answer{Records: records(t, name+" 300 IN A 192.0.2.1")})
	}
	has := func(name string) bool { _, ok := k.Get(0, question(name)); return ok }
	put("a.")
	put("b.")
	put("c.")
	has("a.")
	put("d.")
	if !has("a.") || has("b.") || !has("c.") || !has("d.") || k.Len() != 3 {
		t.Errorf("a %t, b %t, c %t, d %t of %d", has("a."), has("b."), has("c."), has("d."), k.Len())
	}
	long := records(t, fmt.Sprintf("l. 300 IN TXT %s", strings.Repeat(strings.Repeat("x", 250)+" ", 20)))
	k.Put(0, question("l."), message.Answer{Records: long})
	if has("l.") {
		t.Error("an answer of 5,000 bytes is kept")
	}
}

// A cache for many entries is bounded by their bytes.
func TestBytesAreBounded(t *testing.T) {
	k := cache.New(cache.Limits{Entries: 100000, Max: time.Hour})
	text := strings.Repeat(strings.Repeat("x", 250)+" ", 12)
	for i := range 6000 {
		name := fmt.Sprintf("n%d.", i)
		k.Put(0, question(name), message.Answer{Records: records(t, name+" 300 IN TXT "+text)})
	}
	if n := k.Len(); n > 16<<20/3000 || n < 4000 {
		t.Errorf("%d answers of 3,000 bytes are kept in 16 MiB", n)
	}
}
