package credentials

import (
	"time"
)

// backdating lets a node whose clock is behind accept a certificate that was just made.
const backdating = time.Hour

// span is from when until when a certificate is valid.
type span struct{ from, to time.Time }

// spanOf is a lifetime from now on, or from when others were made where that is later, and every moment at which one of
// them is valid. So what takes the place of others is accepted by whoever accepts them: a clock that is wrong for a
// while, as a node's is that starts without one, makes nothing that the units refuse, now or soon.
func spanOf(lifetime time.Duration, now time.Time, others []KeyPair) span {
	s := span{from: now.Add(-backdating), to: now.Add(lifetime)}
	for _, other := range others {
		if found := certificatesIn(other.Certificate); len(found) > 0 {
			made := found[0].NotAfter.Add(-UnitLifetime)
			s.from, s.to = earlier(s.from, found[0].NotBefore), later(s.to, made.Add(lifetime))
		}
	}
	return s
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
