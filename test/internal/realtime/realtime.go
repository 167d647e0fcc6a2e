// Package realtime lets the ends of a test's traffic act in time on a machine that the whole test shares: as if they were
// machines of their own, whose processors have nothing else to do.
package realtime

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Thread gives the calling goroutine a thread of its own, with real-time priority, for as long as it lives. Where the
// priority is refused, what is measured is only noisier.
func Thread() {
	// Never unlocked: the thread ends with the goroutine, and its priority with it.
	runtime.LockOSThread()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0)
}

// turns is how many threads may run Go code at once.
const turns = 32

// Turns makes room for prompt threads, and returns what takes it away again. Each needs a turn of the runtime's when it
// comes back from the kernel, and there are only as many as processors; a goroutine whose thread the kernel passes over
// keeps its turn all the while.
func Turns() (restore func()) {
	before := runtime.GOMAXPROCS(turns)
	return func() { runtime.GOMAXPROCS(before) }
}

// Every calls act at a steady pace, on a prompt thread, until the context ends; the goroutine is to end with it. The
// kernel wakes the thread: a timer of the Go runtime would be late by as much as other goroutines keep a processor.
// Calls that are due while act takes its time are left out.
func Every(ctx context.Context, interval time.Duration, act func()) {
	Thread()
	next := monotonic()
	for ctx.Err() == nil {
		act()
		next = max(next+interval, monotonic())
		at := unix.NsecToTimespec(int64(next))
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil) == unix.EINTR {
			continue
		}
	}
}

// monotonic is the kernel's clock that Every goes by.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // the clock is there, and so is the place
	return time.Duration(now.Nano())
}
