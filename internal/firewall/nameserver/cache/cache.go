// Package cache keeps answers for their lifetime (RFC 2308). It is pure: times are those of one clock that never goes
// back. A full cache gives up the answer that was used longest ago.
package cache

import (
	"container/list"
	"time"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

const (
	// maxEntryBytes bounds the answers that are kept, and maxBytes all of them together.
	maxEntryBytes = 4096
	maxBytes      = 16 << 20
	// entryOverhead is about what an entry takes besides its message and its name.
	entryOverhead = 300
)

// Limits are how many answers are kept and how long.
type Limits struct {
	Entries            int
	Min, Max, Negative time.Duration
}

// Cache has answers. It is used by one goroutine at a time.
type Cache struct {
	limits Limits
	// entries has the elements of order, which begins with the answer that was used last.
	entries map[message.Question]*list.Element
	order   *list.List
	bytes   int
}

type entry struct {
	question message.Question
	rcode    int
	// packed is a message with the records.
	packed     []byte
	added, end time.Duration
}

func (e *entry) size() int { return len(e.packed) + len(e.question.Name) + entryOverhead }

// New returns an empty cache.
func New(limits Limits) *Cache {
	return &Cache{limits: limits, entries: map[message.Question]*list.Element{}, order: list.New()}
}

// Len returns how many answers there are. Some may have ended.
func (c *Cache) Len() int { return len(c.entries) }

// Get returns the answer to a question, with the lifetimes that are left.
func (c *Cache) Get(now time.Duration, q message.Question) (message.Answer, bool) {
	element, ok := c.entries[q]
	if !ok {
		return message.Answer{}, false
	}
	e := element.Value.(*entry)
	if now >= e.end {
		c.remove(element)
		return message.Answer{}, false
	}
	var m dns.Msg
	if m.Unpack(e.packed) != nil {
		c.remove(element) // Put has packed it, so it can be read.
		return message.Answer{}, false
	}
	c.order.MoveToFront(element)
	age := uint32((now - e.added) / time.Second)
	for _, records := range [][]dns.RR{m.Answer, m.Ns} {
		for _, r := range records {
			r.Header().Ttl -= min(age, r.Header().Ttl)
		}
	}
	return message.Answer{Rcode: e.rcode, Records: m.Answer, Authority: m.Ns}, true
}

// Put keeps an answer for its lifetime.
func (c *Cache) Put(now time.Duration, q message.Question, a message.Answer) {
	life := c.life(a)
	if life <= 0 {
		return
	}
	m := dns.Msg{Answer: withLife(a.Records, life), Ns: withLife(a.Authority, life), Compress: true}
	packed, err := m.Pack()
	if err != nil || len(packed) > maxEntryBytes {
		return
	}
	if before, ok := c.entries[q]; ok {
		c.remove(before)
	}
	e := &entry{question: q, rcode: a.Rcode, packed: packed, added: now, end: now + life}
	c.entries[q] = c.order.PushFront(e)
	c.bytes += e.size()
	for len(c.entries) > c.limits.Entries || c.bytes > maxBytes {
		c.remove(c.order.Back())
	}
}

func (c *Cache) remove(element *list.Element) {
	e := c.order.Remove(element).(*entry)
	delete(c.entries, e.question)
	c.bytes -= e.size()
}

// life returns how long an answer is kept; zero if it is not. One without the records has the lifetime of the SOA
// record of its zone. Without that nobody knows how long it holds.
func (c *Cache) life(a message.Answer) time.Duration {
	least := uint32(1<<32 - 1)
	for _, r := range a.Records {
		least = min(least, r.Header().Ttl)
	}
	if isPositive(a) {
		return min(max(seconds(least), c.limits.Min), c.limits.Max)
	}
	for _, r := range a.Authority {
		if soa, ok := r.(*dns.SOA); ok {
			return min(seconds(min(least, soa.Hdr.Ttl, soa.Minttl)), c.limits.Negative)
		}
	}
	return 0
}

// isPositive reports whether an answer has what was asked for. An alias of a name that does not exist has not.
func isPositive(a message.Answer) bool {
	if a.Rcode != dns.RcodeSuccess || len(a.Records) == 0 {
		return false
	}
	for _, r := range a.Authority {
		if r.Header().Rrtype == dns.TypeSOA {
			return false
		}
	}
	return true
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// withLife returns copies of records with a lifetime.
func withLife(records []dns.RR, life time.Duration) []dns.RR {
	copies := make([]dns.RR, 0, len(records))
	for _, r := range records {
		r = dns.Copy(r)
		r.Header().Ttl = uint32(life / time.Second)
		copies = append(copies, r)
	}
	return copies
}
