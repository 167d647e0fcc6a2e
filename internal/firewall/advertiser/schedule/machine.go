package schedule

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// The constants of RFC 4861, section 10.
const (
	initialCount    = 3
	initialInterval = 16 * time.Second
	// minDelay is the shortest time between two advertisements on an interface, however many hosts ask.
	minDelay = 3 * time.Second
	// answerDelay is the longest time until the answer to a solicitation.
	answerDelay = 500 * time.Millisecond
)

// The shortest and longest time after which a message that could not be sent is tried again. The gate may open a moment
// after the virtual address is attached.
const (
	minRetry = 50 * time.Millisecond
	maxRetry = time.Second
)

// intervalDivisor makes the shortest interval of the longest one (RFC 4861, section 6.2.1).
const intervalDivisor = 3

// Message is an advertisement to send.
type Message struct {
	document.AdvertisedNetwork
	// IsFinal is set if hosts are to forget the router, because the document has the network no more.
	IsFinal bool
}

// Machine has the state of each network. It is used by one goroutine at a time.
type Machine struct {
	random   *rand.Rand
	networks []*network
}

// network is a network with advertisements.
type network struct {
	document.AdvertisedNetwork
	// isPresent is set while the interface has the virtual address.
	isPresent bool
	// initial is how many advertisements are left of those in quick succession.
	initial int
	// due is when the next one is sent.
	due time.Duration
	// last is when the last one was sent, if hasSent.
	last    time.Duration
	hasSent bool
	// failures is how often sending failed in a row.
	failures int
}

// New returns a machine without networks.
func New(random *rand.Rand) *Machine { return &Machine{random: random} }

// Set makes the networks those of a document. It returns the final advertisements of networks that it has no more.
// Networks that stay the same keep their times, and those that changed advertise again.
func (m *Machine) Set(now time.Duration, networks []document.AdvertisedNetwork) (final []Message) {
	former := m.networks
	m.networks = nil
	for _, n := range networks {
		next := &network{AdvertisedNetwork: n}
		if i := slices.IndexFunc(former, func(f *network) bool { return f.serves(n) }); i >= 0 {
			isSame := reflect.DeepEqual(former[i].AdvertisedNetwork, n)
			*next = *former[i]
			next.AdvertisedNetwork = n
			if !isSame {
				next.begin(now)
			}
		}
		m.networks = append(m.networks, next)
	}
	for _, f := range former {
		if f.isPresent && !slices.ContainsFunc(networks, f.serves) {
			final = append(final, Message{AdvertisedNetwork: f.AdvertisedNetwork, IsFinal: true})
		}
	}
	return final
}

// Observe takes in which networks have their virtual addresses. One that gets it begins to advertise, and one that
// loses it falls silent.
func (m *Machine) Observe(now time.Duration, isPresent func(document.AdvertisedNetwork) bool) {
	for _, n := range m.networks {
		was := n.isPresent
		n.isPresent = isPresent(n.AdvertisedNetwork)
		if n.isPresent && !was {
			n.begin(now)
		}
	}
}

// Solicited takes in that a host of an interface wants an advertisement. The answer goes to all hosts, so that one is
// enough for many.
func (m *Machine) Solicited(now time.Duration, device string) {
	for _, n := range m.networks {
		if n.Interface == device && n.isPresent {
			n.due = min(n.due, n.allowed(now+m.between(0, answerDelay)))
		}
	}
}

// Due returns the advertisements to send now. Each must be followed by a call of Sent.
func (m *Machine) Due(now time.Duration) (due []Message) {
	for _, n := range m.networks {
		if n.isPresent && n.due <= now {
			due = append(due, Message{AdvertisedNetwork: n.AdvertisedNetwork})
		}
	}
	return due
}

// Sent takes in whether an advertisement of an interface could be sent.
func (m *Machine) Sent(now time.Duration, device string, isSent bool) {
	for _, n := range m.networks {
		switch {
		case n.Interface != device:
		case !isSent:
			n.due = now + min(minRetry<<min(n.failures, 10), maxRetry)
			n.failures++
		default:
			n.last, n.hasSent, n.failures = now, true, 0
			longest := n.Interval()
			interval := m.between(max(longest/intervalDivisor, minDelay), longest)
			if n.initial--; n.initial > 0 {
				interval = min(interval, initialInterval)
			}
			n.initial = max(n.initial, 0)
			n.due = now + interval
		}
	}
}

// Next returns when the next advertisement is due; false if none is.
func (m *Machine) Next() (at time.Duration, ok bool) {
	for _, n := range m.networks {
		if n.isPresent && (!ok || n.due < at) {
			at, ok = n.due, true
		}
	}
	return at, ok
}

// between returns a random time, since routers and hosts that start together must not stay in step.
func (m *Machine) between(shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(m.random.Int64N(int64(longest-shortest)+1))
}

// serves reports whether hosts know the router of a network of the document by this one already.
func (n *network) serves(d document.AdvertisedNetwork) bool {
	return n.Interface == d.Interface && n.Address == d.Address
}

// begin starts the advertisements in quick succession.
func (n *network) begin(now time.Duration) {
	n.initial, n.failures = initialCount, 0
	n.due = n.allowed(now)
}

// allowed returns the first instant from one on at which the network may advertise.
func (n *network) allowed(at time.Duration) time.Duration {
	if n.hasSent {
		return max(at, n.last+minDelay)
	}
	return at
}
