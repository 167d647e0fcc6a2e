//go:build apiserver

package operator

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// run is one run in which the manager dies at its failpoint. It reports whether the manager died.
type run func(context.Context, failpoint) (died bool)

// killAtEachWrite kills runs at their first write, at their second, and so on until a run ends before it is killed. It
// does that with the write done and with the write not done. It returns how many runs were killed.
func killAtEachWrite(ctx context.Context, begin func(context.Context) run) int64 {
	GinkgoHelper()
	var kills atomic.Int64
	var both sync.WaitGroup
	for worker := range 2 {
		again := begin(ctx)
		both.Go(func() {
			defer GinkgoRecover()
			death := failpoint{at: 1, done: worker == 1}
			for again(ctx, death) {
				kills.Add(1)
				death.at++
			}
		})
	}
	both.Wait()
	AddReportEntry("killed", fmt.Sprintf("%d times", kills.Load()))
	return kills.Load()
}

// edit is a change of a spec.
type edit func(*v1alpha1.HAPairSpec)

// backAndForth returns runs that change the spec of one pair back and forth, one change in each run. Each change moves
// the active role a number of times. A run must end like one in which the manager was not killed.
func backAndForth(changes int64, there, back edit) func(context.Context) run {
	return func(ctx context.Context) run {
		GinkgoHelper()
		h := newBroughtUp(ctx)
		var want [2]snapshot
		turn := 0
		again := func(ctx context.Context, death failpoint) bool {
			GinkgoHelper()
			before := h.seen(ctx).Status.Term
			*h.life.death = death
			h.change(ctx, []edit{there, back}[turn])
			died := h.continueToRest(ctx)
			h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
			Expect(h.seen(ctx).Status.Term-before).To(Equal(changes), "moves of the active role")
			end := h.snapshot(ctx)
			if want[turn] == nil {
				want[turn] = end
			}
			Expect(end.differences(want[turn])).To(BeEmpty(), "%+v", death)
			turn = 1 - turn
			return died
		}
		again(ctx, failpoint{})
		again(ctx, failpoint{})
		return again
	}
}
