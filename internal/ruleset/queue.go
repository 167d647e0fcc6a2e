package ruleset

import (
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
)

// SendToQueue sends a packet to a queue of nfnetlink_queue, where a program decides about it. It passes the packet
// while no program is bound to the queue.
type SendToQueue struct{ Number uint16 }

func (e SendToQueue) String() string { return fmt.Sprintf("queue flags bypass to %d", e.Number) }
func (SendToQueue) step()            {}
func (e SendToQueue) steps() []Step  { return []Step{e} }

// HasLabel matches connections with a label.
type HasLabel struct{ Label contract.Label }

func (e HasLabel) String() string { return fmt.Sprintf("ct label %d", e.Label) }

// steps tests the bit in the labels as the kernel keeps them.
func (e HasLabel) steps() []Step {
	bits := e.Label.Bits()
	return []Step{LoadConnection{connectionLabels}, Mask{bits[:]}, NotEqual{make([]byte, len(bits))}}
}

// IsReply matches packets of the side that did not open the connection.
type IsReply struct{}

func (IsReply) String() string { return "ct direction reply" }

// steps compares the direction (IP_CT_DIR_REPLY).
func (IsReply) steps() []Step { return []Step{LoadConnection{connectionDirection}, Equal{[]byte{1}}} }

// IsOriginal matches packets in the direction in which the connection was opened.
type IsOriginal struct{}

func (IsOriginal) String() string { return "ct direction original" }

// steps compares the direction (IP_CT_DIR_ORIGINAL).
func (IsOriginal) steps() []Step {
	return []Step{LoadConnection{connectionDirection}, Equal{[]byte{0}}}
}

// LongerThanHeaders matches packets of a family that are longer than the headers of IP and TCP without options. These
// are all segments with data.
type LongerThanHeaders struct{ Family Family }

// String returns the match in nft. The length in the header of IPv6 does not include that header.
func (e LongerThanHeaders) String() string {
	if e.Family == IPv4 {
		return "ip length >= 41"
	}
	return "ip6 length >= 21"
}

// steps compares the length in the header of IP (RFC 791, RFC 8200).
func (e LongerThanHeaders) steps() []Step {
	if e.Family == IPv4 {
		return withFamily(IPv4, LoadHeader{networkHeader, 2, 2}, AtLeast{[]byte{0, 41}})
	}
	return withFamily(IPv6, LoadHeader{networkHeader, 4, 2}, AtLeast{[]byte{0, 21}})
}

// KeepAlive adds the family of a packet to a dynamic set, or renews it there. The program that reads a queue sends such
// packets to itself.
type KeepAlive struct{ Set string }

func (e KeepAlive) String() string { return fmt.Sprintf("update @%s { meta nfproto }", e.Set) }

// steps adds the number of the family, which takes no transaction of the ruleset.
func (e KeepAlive) steps() []Step { return []Step{LoadMeta{metaFamily}, UpdateSet{Set: e.Set}} }

// IsAlive matches packets of a family that KeepAlive has added to a set lately.
type IsAlive struct{ Set string }

func (e IsAlive) String() string { return "meta nfproto @" + e.Set }

// steps looks the number of the family up.
func (e IsAlive) steps() []Step { return []Step{LoadMeta{metaFamily}, InSet(e)} }

// HasQueue reports whether a rule of the ruleset sends packets to a queue.
func (r Ruleset) HasQueue() bool {
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			if rule.HasQueue() {
				return true
			}
		}
	}
	return false
}

// WithoutQueues returns the ruleset without the rules that send packets to a queue.
func (r Ruleset) WithoutQueues() Ruleset {
	r.Chains = slices.Clone(r.Chains)
	for i, chain := range r.Chains {
		r.Chains[i].Rules = slices.DeleteFunc(slices.Clone(chain.Rules), Rule.HasQueue)
	}
	return r
}

// HasQueue reports whether the rule sends packets to a queue.
func (r Rule) HasQueue() bool {
	for _, e := range r {
		if _, ok := e.(SendToQueue); ok {
			return true
		}
	}
	return false
}
