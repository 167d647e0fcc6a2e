package engine

import (
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/replication/queue"
)

// maxArrivals bounds how many times are kept. Changes that come when there are as many count as come with the last.
const maxArrivals = 1024

// arrivals are when the changes came that wait in a queue.
type arrivals struct{ waiting []arrival }

// arrival is when everything up to a mark had come, and after the one before it.
type arrival struct {
	mark queue.Mark
	at   time.Time
}

// came notes that changes were pushed.
func (a *arrivals) came(q *queue.Queue, now time.Time) {
	if n := len(a.waiting); n >= maxArrivals {
		a.waiting[n-1].mark = q.Mark()
		return
	}
	a.waiting = append(a.waiting, arrival{q.Mark(), now})
}

// oldest is when the change came that is popped next, as long as there is one.
func (a *arrivals) oldest() time.Time {
	if len(a.waiting) == 0 {
		return time.Time{}
	}
	return a.waiting[0].at
}

// popped forgets what no longer waits.
func (a *arrivals) popped(q *queue.Queue) {
	gone := 0
	for gone < len(a.waiting) && q.Passed(a.waiting[gone].mark) {
		gone++
	}
	a.waiting = slices.Delete(a.waiting, 0, gone)
}
