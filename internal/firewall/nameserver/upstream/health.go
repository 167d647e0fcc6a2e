package upstream

import (
	"slices"
	"time"
)

const (
	// tolerated is how many questions in a row a server may leave unanswered before others are preferred.
	tolerated = 2
	// minPause and maxPause bound the time until a server without answers is tried again before others.
	minPause = 2 * time.Second
	maxPause = 30 * time.Second
)

// health is what is known of a server. Times are those of one clock that never goes back.
type health struct {
	failures int
	// until is when a server without answers is tried again.
	until time.Duration
}

// order returns the numbers of servers in the order in which to ask them: first those that answer, and then those that
// may answer again soonest.
func order(now time.Duration, servers []health) []int {
	numbers := make([]int, len(servers))
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortStableFunc(numbers, func(a, b int) int {
		return int(servers[a].waits(now) - servers[b].waits(now))
	})
	return numbers
}

// waits returns how long other servers are still preferred.
func (h health) waits(now time.Duration) time.Duration { return max(h.until-now, 0) }

// failed records that a server did not answer. It returns whether others are preferred from now on, and were not
// before.
func (h *health) failed(now time.Duration) (isNews bool) {
	h.failures++
	if h.failures >= tolerated {
		h.until = now + min(minPause<<min(h.failures-tolerated, 10), maxPause)
	}
	return h.failures == tolerated
}

// tried records that a server is asked. Until it has answered, other questions go to other servers.
func (h *health) tried(now, timeout time.Duration) {
	if h.failures >= tolerated {
		h.until = max(h.until, now+timeout)
	}
}

// answered records an answer. It returns whether others were preferred before.
func (h *health) answered() (isNews bool) {
	isNews = h.failures >= tolerated
	*h = health{}
	return isNews
}
