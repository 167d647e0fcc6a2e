// Package ontime lets the ends of a test's traffic act on time on a machine that the whole test shares. They then
// behave like machines of their own, whose processors have nothing else to do.
//
// The threads have no real-time policy. A goroutine whose stack the garbage collector scans spins until that is over.
// With a real-time policy the spinning thread keeps the collector's thread off its processor. If that happens on every
// processor at once, nothing else on the machine runs for almost a second.
package ontime

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// nice gives a thread about nine times the share of an ordinary one.
	nice = -10
	// slice is how long a thread asks to run at a time. The kernel lets a short request run before a longer one.
	slice = 100 * time.Microsecond
)

// Thread gives the calling goroutine a thread of its own, which the kernel prefers, until the goroutine ends. Where the
// kernel refuses that, measurements are only noisier.
func Thread() {
	// Never unlocked: the thread ends with the goroutine, and its priority with it.
	runtime.LockOSThread()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: nice, Runtime: uint64(slice),
		Flags: unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0)
}

// processors is how many threads may run Go code at once.
const processors = 32

// RaiseProcessors lets more threads run Go code at once, and returns a function that restores the former limit. A
// preferred thread needs one of the runtime's processors when it returns from the kernel. A goroutine whose thread the
// kernel does not schedule keeps its processor all the while, and by default there are only as many as cores.
func RaiseProcessors() (restore func()) {
	before := runtime.GOMAXPROCS(processors)
	return func() { runtime.GOMAXPROCS(before) }
}

// Every calls act at a steady pace until the context ends, on a preferred thread. The goroutine should end with the
// context. The kernel wakes the thread, because a timer of the Go runtime is late while other goroutines keep a
// processor. Every skips calls that become due while act is running.
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

// monotonic returns the time of the kernel's clock that Every uses.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail for this clock
	return time.Duration(now.Nano())
}
