package sender

import (
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/replication/queue"
)

// maxArrivals bounds the number of times that are stored. Later changes count as arrived with the last of them.
const maxArrivals = 1024

// arrivals records when the changes in a queue arrived.
type arrivals struct{ waiting []arrival }

// arrival is the time at which the changes up to a mark had arrived.
type arrival struct {
	mark queue.Mark
	at   time.Time
}

// add records that changes were pushed.
func (a *arrivals) add(q *queue.Queue, now time.Time) {
	if n := len(a.waiting); n >= maxArrivals {
		a.waiting[n-1].mark = q.Mark()
		return
	}
	a.waiting = append(a.waiting, arrival{q.Mark(), now})
}

// oldest returns when the next change to pop arrived; zero if the queue is empty.
func (a *arrivals) oldest() time.Time {
	if len(a.waiting) == 0 {
		return time.Time{}
	}
	return a.waiting[0].at
}

// release deletes the times of changes that no longer wait.
func (a *arrivals) release(q *queue.Queue) {
	passed := 0
	for passed < len(a.waiting) && q.Passed(a.waiting[passed].mark) {
		passed++
	}
	a.waiting = slices.Delete(a.waiting, 0, passed)
}
