package simulation

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Fleet plays many seeds, on as many workers as it is told.
type Fleet struct {
	// From is the first seed, and Seeds how many there are; zero means until the context ends.
	From, Seeds uint64
	Workers     int
	Break       Break
	// Failures is after how many failures it stops.
	Failures int
	// Progress is called now and then, from one goroutine at a time, with how many seeds were played.
	Progress func(done uint64)
}

// Failure is a seed that violates a rule.
type Failure struct {
	Seed      uint64
	Violation *Violation
}

// batch is how many seeds a worker takes at a time.
const batch = 32

// Run plays until all seeds are played, there are failures enough, or the context ends. The failures are in the order
// of their seeds.
func (f Fleet) Run(ctx context.Context) (Stats, []Failure) {
	var (
		next, done atomic.Uint64
		running    sync.WaitGroup
		mu         sync.Mutex
		sum        Stats
		failures   []Failure
		stop       atomic.Bool
	)
	for range max(f.Workers, 1) {
		running.Go(func() {
			simulator, stats := &Simulator{}, Stats{}
			for !stop.Load() && ctx.Err() == nil {
				first := next.Add(batch) - batch
				if f.Seeds != 0 && first >= f.Seeds {
					break
				}
				last := first + batch
				if f.Seeds != 0 {
					last = min(last, f.Seeds)
				}
				for i := first; i < last && !stop.Load(); i++ {
					seed := f.From + i
					v := simulator.Run(Draw(seed), f.Break)
					simulator.Count(&stats)
					if v != nil {
						mu.Lock()
						failures = append(failures, Failure{Seed: seed, Violation: v})
						stop.Store(len(failures) >= max(f.Failures, 1))
						mu.Unlock()
					}
				}
				played := done.Add(last - first)
				if f.Progress != nil {
					mu.Lock()
					f.Progress(played)
					mu.Unlock()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			sum.merge(&stats)
		})
	}
	running.Wait()
	slices.SortFunc(failures, func(a, b Failure) int {
		if a.Seed < b.Seed {
			return -1
		}
		return 1
	})
	return sum, failures
}
