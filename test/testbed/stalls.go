package testbed

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/clock"
)

const (
	// stallPause is how long a control thread sleeps.
	stallPause = time.Millisecond
	// stallSlack is how late a thread may wake up on an idle machine.
	stallSlack = time.Millisecond
	// stallProcessors is enough for the control threads to find a processor of the Go runtime when they wake up.
	stallProcessors = 32
)

// Stalls are the times in which the machine did not run a thread that was ready to run. Other programs, or other
// machines of the same host, had its processor.
type Stalls struct {
	mu sync.Mutex
	// stalls are those of each processor, in their order.
	stalls [][]stall
}

// stall is a time of the boot clock.
type stall struct{ begin, end time.Duration }

// WatchStalls runs a control thread on each processor until the test ends. Each sleeps for a millisecond again and
// again, and notes when it wakes up late.
func WatchStalls(t testing.TB) *Stalls {
	t.Helper()
	s := &Stalls{stalls: make([][]stall, runtime.NumCPU())}
	before := runtime.GOMAXPROCS(stallProcessors)
	var watching sync.WaitGroup
	var ended atomic.Bool
	for processor := range s.stalls {
		watching.Go(func() { s.watch(processor, &ended) })
	}
	t.Cleanup(func() {
		ended.Store(true)
		watching.Wait()
		runtime.GOMAXPROCS(before)
	})
	return s
}

func (s *Stalls) watch(processor int, ended *atomic.Bool) {
	runtime.LockOSThread() // Never unlocked: the thread ends with the goroutine.
	var only unix.CPUSet
	only.Set(processor)
	_ = unix.SchedSetaffinity(0, &only) // If it is refused, the thread watches whatever processor it runs on.
	pause := unix.NsecToTimespec(stallPause.Nanoseconds())
	for !ended.Load() {
		due := clock.Boot() + stallPause
		_ = unix.Nanosleep(&pause, nil) // A signal ends it early, which does no harm.
		if woken := clock.Boot(); woken-due > stallSlack {
			s.mu.Lock()
			s.stalls[processor] = append(s.stalls[processor], stall{due, woken})
			s.mu.Unlock()
		}
	}
}

// Within returns how long the machine was stalled between two instants of the boot clock, on the processor where that
// was longest.
func (s *Stalls) Within(since, until time.Duration) (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stalls := range s.stalls {
		var total time.Duration
		for _, one := range stalls {
			total += max(min(one.end, until)-max(one.begin, since), 0)
		}
		longest = max(longest, total)
	}
	return longest
}

// Longest returns the longest time that the machine was stalled.
func (s *Stalls) Longest() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stalls := range s.stalls {
		for _, one := range stalls {
			longest = max(longest, one.end-one.begin)
		}
	}
	return longest
}
