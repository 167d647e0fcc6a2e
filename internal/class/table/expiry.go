package table

import (
	"container/heap"
	"context"
	"time"
)

// maxIdle is how long Run sleeps at most. The timers of the process stop while the machine is suspended, and the boot
// clock does not.
const maxIdle = time.Second

// deadlines is a heap of the entries that end, the next one first. Its elements know their index.
type deadlines []*element

// set adds, moves or removes an element, as its item requires.
func (d *deadlines) set(e *element) {
	switch {
	case e.ends && e.index < 0:
		heap.Push(d, e)
	case e.ends:
		heap.Fix(d, e.index)
	case e.index >= 0:
		heap.Remove(d, e.index)
	}
}

// Len implements heap.Interface.
func (d deadlines) Len() int { return len(d) }

// Less implements heap.Interface.
func (d deadlines) Less(i, j int) bool { return d[i].deadline < d[j].deadline }

// Swap implements heap.Interface.
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	e, _ := x.(*element)
	e.index = len(*d)
	*d = append(*d, e)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	e.index = -1
	return e
}

// Run deletes entries when their life has passed, while the unit is active and has committed. It returns when ctx ends.
func (t *Table) Run(ctx context.Context) {
	timer := time.NewTimer(maxIdle)
	defer timer.Stop()
	for {
		timer.Reset(t.expire())
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
	}
}

// expire deletes the entries whose life has passed, and returns how long to wait for the next.
func (t *Table) expire() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isActive || !t.isCommitted {
		return maxIdle
	}
	now, expired := t.options.Now(), false
	for len(t.deadlines) > 0 && t.deadlines[0].deadline <= now {
		t.remove(t.deadlines[0].key)
		expired = true
	}
	if expired {
		t.notify()
	}
	if len(t.deadlines) == 0 {
		return maxIdle
	}
	return min(t.deadlines[0].deadline-now, maxIdle)
}

// commit starts to act on lives. An entry whose life has passed meanwhile remains for Mercy.
func (t *Table) commit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.options.Now()
	for _, e := range t.deadlines {
		if e.deadline <= now {
			e.deadline = now + Mercy
		}
	}
	heap.Init(&t.deadlines)
	t.isCommitted = true
	t.wake.Notify()
}
