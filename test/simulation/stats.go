package simulation

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// Stats count what happened in runs, so that it is seen that what is judged has happened at all.
type Stats struct {
	Runs         int
	Virtual      time.Duration
	Promotions   map[ha.Cause]int
	Relinquished int
	Faults       [kinds]int
	Points       [points]int
	Milestones   [milestones]int
	Drills       [drills]int
	DrillsVoid   int
	FailedOver   [drills]int
	KeptAlone    int
	Writes       int
	LongestWait  time.Duration
}

// add counts a run that is over.
func (s *Stats) add(w *world) {
	s.Runs++
	s.Virtual += w.now
	s.Writes += w.server.writes
	for _, o := range w.judge.opened {
		s.promoted(o.cause, 1)
		if o.relinquished {
			s.Relinquished++
		}
	}
	for i, passed := range w.passed {
		s.Milestones[i] += passed
	}
	for _, f := range w.plan.Faults {
		s.Faults[f.Kind]++
		s.Points[f.Point]++
	}
	if w.judge.keptAlone {
		s.KeptAlone++
	}
	s.LongestWait = max(s.LongestWait, w.judge.wholeFrom-w.quietFrom)
	if w.plan.Drill == NoDrill {
		return
	}
	if !w.judge.before.paired {
		s.DrillsVoid++
		return
	}
	s.Drills[w.plan.Drill]++
	if len(w.judge.opened) > w.judge.before.opened {
		s.FailedOver[w.plan.Drill]++
	}
}

// promoted counts promotions for a cause.
func (s *Stats) promoted(cause ha.Cause, n int) {
	if s.Promotions == nil {
		s.Promotions = map[ha.Cause]int{}
	}
	s.Promotions[cause] += n
}

// merge adds what another counted.
func (s *Stats) merge(o *Stats) {
	s.Runs += o.Runs
	s.Virtual += o.Virtual
	s.Relinquished += o.Relinquished
	s.DrillsVoid += o.DrillsVoid
	s.KeptAlone += o.KeptAlone
	s.Writes += o.Writes
	s.LongestWait = max(s.LongestWait, o.LongestWait)
	for cause, n := range o.Promotions {
		s.promoted(cause, n)
	}
	for i := range s.Faults {
		s.Faults[i] += o.Faults[i]
	}
	for i := range s.Points {
		s.Points[i] += o.Points[i]
	}
	for i := range s.Milestones {
		s.Milestones[i] += o.Milestones[i]
	}
	for i := range s.Drills {
		s.Drills[i] += o.Drills[i]
		s.FailedOver[i] += o.FailedOver[i]
	}
}

// Unexercised returns what should have happened in so many runs and did not.
func (s *Stats) Unexercised() []string {
	var missing []string
	want := func(n int, format string, args ...any) {
		if n == 0 {
			missing = append(missing, fmt.Sprintf(format, args...))
		}
	}
	for _, c := range contract.Causes() {
		if c != ha.CauseUnknown {
			want(s.Promotions[c], "promotion for %s", c)
		}
	}
	for k := range s.Faults {
		want(s.Faults[k], "fault %q", Kind(k))
	}
	for p := 1; p < points; p++ {
		want(s.Points[p], "fault %s", Point(p))
	}
	for m := 1; m < milestones; m++ {
		want(s.Milestones[m], "milestone %q", Milestone(m))
	}
	for d := 1; d < drills; d++ {
		want(s.Drills[d], "drill %q", Drill(d))
	}
	want(s.FailedOver[UnitsCutSlowly], "failover in drill %q", UnitsCutSlowly)
	want(s.Drills[UnitsCutSlowly]-s.FailedOver[UnitsCutSlowly], "drill %q without a failover", UnitsCutSlowly)
	want(s.Relinquished, "promotion by a handover")
	want(s.KeptAlone, "gate that was open for nothing but the policy")
	if sum := s.DrillsVoid; sum*20 > s.Runs {
		missing = append(missing, fmt.Sprintf("%d drills in %d runs that met a pair", sum, s.Runs))
	}
	return missing
}

// Write prints the counts.
func (s *Stats) Write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	sum := 0
	for _, n := range s.Promotions {
		sum += n
	}
	_, _ = fmt.Fprintf(t, "runs\t%d\t%s of virtual time each\n", s.Runs,
		(s.Virtual / time.Duration(max(s.Runs, 1))).Round(time.Millisecond))
	_, _ = fmt.Fprintf(t, "promotions\t%d\t%d by a handover\n", sum, s.Relinquished)
	for _, c := range contract.Causes() {
		if n := s.Promotions[c]; n != 0 {
			_, _ = fmt.Fprintf(t, "  for %s\t%d\t\n", c, n)
		}
	}
	_, _ = fmt.Fprintf(t, "writes of the Lease\t%d\t\n", s.Writes)
	_, _ = fmt.Fprintf(t, "whole again\t%s\tafter the last fault at the latest\n", s.LongestWait.Round(time.Millisecond))
	for d := 1; d < drills; d++ {
		_, _ = fmt.Fprintf(t, "drill: %s\t%d\t%s\n", Drill(d), s.Drills[d], changes(s.FailedOver[d]))
	}
	_, _ = fmt.Fprintf(t, "drills that met no pair\t%d\t\n", s.DrillsVoid)
	return t.Flush()
}

func changes(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d changes of the active", n)
}
