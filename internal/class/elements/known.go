package elements

import (
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

const (
	// movedShare is the share of an element's timeout by which its end must move to be sent again. A rule moves it with
	// each packet.
	movedShare = 8
	// minSweep is the least number of elements of a set at which those are dropped whose time has ended.
	minSweep = 1024
)

// known is what the peer was sent about each set. It decides which elements of a listing are news. PURE: it has no
// clock.
type known map[string]*knownSet

type knownSet struct {
	elements map[string]sent
	// sweepAt is the number of elements at which those are dropped whose time has ended. The kernel tells nobody of that.
	sweepAt int
}

// sent is the state of an element that was sent.
type sent struct {
	value   string
	timeout time.Duration
	// end is when the element's time ends; zero if it does not.
	end time.Time
	// isMissing is set if the last listing did not have it.
	isMissing bool
}

// of returns what is known of a set.
func (k known) of(set string) *knownSet {
	if k[set] == nil {
		k[set] = &knownSet{elements: map[string]sent{}, sweepAt: minSweep}
	}
	return k[set]
}

// note records an element that is sent.
func (s *knownSet) note(e nftables.Element, now time.Time) {
	s.elements[string(e.Key)] = stateOf(e, now)
	if len(s.elements) < s.sweepAt {
		return
	}
	for key, had := range s.elements {
		if had.hasEnded(now) {
			delete(s.elements, key)
		}
	}
	s.sweepAt = max(minSweep, 2*len(s.elements))
}

func stateOf(e nftables.Element, now time.Time) sent {
	state := sent{value: string(e.Value), timeout: e.Timeout}
	if e.Timeout > 0 {
		state.end = now.Add(e.Remaining)
	}
	return state
}

func (s sent) hasEnded(now time.Time) bool { return s.timeout > 0 && !now.Before(s.end) }

// compare returns the elements of a listing that are new or moved, and the keys of those that are gone before their
// time. It records both as sent. A listing may lack an element while rules add others, so that an element counts as
// gone only after two listings without it.
func (s *knownSet) compare(listing []nftables.Element, now time.Time) (news []nftables.Element, gone []string) {
	present := make(map[string]bool, len(listing))
	for _, e := range listing {
		key, state := string(e.Key), stateOf(e, now)
		present[key] = true
		had, isKnown := s.elements[key]
		if isKnown && !had.hasMoved(state) {
			had.isMissing = false
			s.elements[key] = had
			continue
		}
		s.note(e, now)
		news = append(news, e)
	}
	for key, had := range s.elements {
		switch {
		case present[key]:
		case had.hasEnded(now):
			delete(s.elements, key)
		case had.isMissing:
			delete(s.elements, key)
			gone = append(gone, key)
		default:
			had.isMissing = true
			s.elements[key] = had
		}
	}
	return news, gone
}

// hasMoved reports whether an element differs from what was sent by more than the end of its time may.
func (s sent) hasMoved(now sent) bool {
	return s.value != now.value || s.timeout != now.timeout || now.end.Sub(s.end).Abs() > now.timeout/movedShare
}
