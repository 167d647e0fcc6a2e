package credentials

import (
	"time"
)

// backdating is how far the clock of a node may be behind. A node with such a clock accepts a new certificate.
const backdating = time.Hour

// span is the validity period of a certificate.
type span struct{ from, to time.Time }

// spanOf returns a validity period that starts now and includes the periods of all other certificates. It also has the
// full lifetime counted from the creation of each of them, if that ends later. This way a replacement is valid whenever
// the replaced certificate is. A node's clock may be wrong for a while after a start, but the units accept the result.
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
