package resolver

import (
	"cmp"
	"slices"
	"time"
)

const (
	// minTTL and maxTTL bound the time until a name is asked for again.
	minTTL = 30 * time.Second
	maxTTL = time.Hour
	// grace is how long an address stays after the lifetime of its answer.
	grace = 10 * time.Minute
	// minRetry and maxRetry bound the time until a name is asked for again without an answer.
	minRetry = 5 * time.Second
	maxRetry = 30 * time.Second
)

// schedule decides when each name is asked for. PURE: it has no clock.
type schedule map[string]turn

// turn is when a name is asked for next.
type turn struct {
	at time.Time
	// retry is the time after which the last attempt is repeated; 0 if it was answered.
	retry time.Duration
	// failing is when the first of the attempts in a row was made that were not answered; zero if the last one was.
	failing time.Time
	// gone is when the addresses of the last answer go; zero without an answer.
	gone time.Time
}

// set makes the names those of a document. New ones are asked for at once.
func (s schedule) set(names map[string][]string) {
	for name := range s {
		if _, isWanted := names[name]; !isWanted {
			delete(s, name)
		}
	}
	for name := range names {
		if _, isThere := s[name]; !isThere {
			s[name] = turn{}
		}
	}
}

// restart makes all names due at once.
func (s schedule) restart() {
	for name := range s {
		s[name] = turn{}
	}
}

// due returns up to limit names that are due, those first that have waited longest.
func (s schedule) due(now time.Time, limit int) (names []string) {
	for name, turn := range s {
		if !now.Before(turn.at) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(s[a].at.Compare(s[b].at), cmp.Compare(a, b))
	})
	return names[:min(limit, len(names))]
}

// answered records an answer.
func (s schedule) answered(name string, ttl time.Duration, now time.Time) {
	if _, isWanted := s[name]; isWanted {
		s[name] = turn{at: now.Add(ttl), gone: now.Add(ttl + grace)}
	}
}

// failed records an attempt without an answer. It returns whether it is the first one in a row.
func (s schedule) failed(name string, now time.Time) (isFirst bool) {
	had, isWanted := s[name]
	if !isWanted {
		return false
	}
	retry := min(max(minRetry, 2*had.retry), maxRetry)
	next := turn{at: now.Add(retry), retry: retry, failing: had.failing, gone: had.gone}
	if had.retry == 0 {
		next.failing = now
	}
	s[name] = next
	return had.retry == 0
}

// has records when the addresses of a name go.
func (s schedule) has(name string, gone time.Time) {
	if turn, isWanted := s[name]; isWanted {
		turn.gone = gone
		s[name] = turn
	}
}

// clampTTL returns the lifetime that an answer has here.
func clampTTL(ttl time.Duration) time.Duration { return min(max(ttl, minTTL), maxTTL) }

// counts returns how many names were answered at the last attempt, and how many were not.
func (s schedule) counts() (resolved, failing int) {
	for _, turn := range s {
		switch {
		case !turn.failing.IsZero():
			failing++
		case !turn.gone.IsZero():
			resolved++
		}
	}
	return resolved, failing
}

// lost returns the names that have failed until their addresses went, sorted, each with when that began. A name that
// was never answered has as long as one that was.
func (s schedule) lost(now time.Time) (names []string, since []time.Time) {
	for name, turn := range s {
		gone := turn.gone
		if earliest := turn.failing.Add(grace); gone.Before(earliest) {
			gone = earliest
		}
		if !turn.failing.IsZero() && !now.Before(gone) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		since = append(since, s[name].failing)
	}
	return names, since
}
