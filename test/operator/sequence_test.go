//go:build apiserver

package operator

import (
	"fmt"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("Random changes of a pair", func() {
	It("lead to the same state as a fresh pair with the final spec", func(ctx SpecContext) {
		first, count := uint64(GinkgoRandomSeed()), number(sequencesVariable, sequences)
		if seed := number(seedVariable, 0); seed != 0 {
			first, count = seed, 1
		}
		reader := newCachedReader(ctx)
		AddReportEntry("seeds", fmt.Sprintf("%d sequences from %s=%d on", count, seedVariable, first))
		var (
			mu       sync.Mutex
			failures []string
			workers  sync.WaitGroup
		)
		seeds := make(chan uint64, count)
		for seed := first; seed < first+count; seed++ {
			seeds <- seed
		}
		close(seeds)
		for range atOnce {
			workers.Go(func() {
				defer GinkgoRecover()
				for seed := range seeds {
					q := newSequence(seed, reader)
					if err := q.run(ctx); err != nil {
						mu.Lock()
						failures = append(failures, fmt.Sprintf("%s\n%v", q, err))
						mu.Unlock()
					}
				}
			})
		}
		workers.Wait()
		if len(failures) > 0 {
			Fail(strings.Join(failures, "\n\n"))
		}
	}, NodeTimeout(15*time.Minute))
})
