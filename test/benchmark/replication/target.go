package replication

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// bounds are those of a figure.
type bounds struct{ least, most float64 }

func atMost(most float64) bounds          { return bounds{math.Inf(-1), most} }
func atLeast(least float64) bounds        { return bounds{least, math.Inf(1)} }
func within(least, most float64) bounds   { return bounds{least, most} }
func (b bounds) hold(figure float64) bool { return figure >= b.least && figure <= b.most }

func (b bounds) String() string {
	switch {
	case math.IsInf(b.least, -1):
		return fmt.Sprintf("at most %.2f", b.most)
	case math.IsInf(b.most, 1):
		return fmt.Sprintf("at least %.2f", b.least)
	default:
		return fmt.Sprintf("%.2f to %.2f", b.least, b.most)
	}
}

// target is a figure that hapair must reach. A target without a comparison must hold in every round. Comparisons use
// the medians.
type target struct {
	what string
	of   func(Sample) float64
	// against is another system, and than another case of hapair. If one is set, the bounds apply to the quotient.
	against, than string
	bounds        bounds
	// cases are those that it applies to; all if it is empty.
	cases []string
}

// judge returns for each target of a scenario whether it is met, in one case at one rate.
func (s scenario) judge(samples []Sample, at place) string {
	var b strings.Builder
	for _, t := range s.targets {
		if len(t.cases) > 0 && !slices.Contains(t.cases, at.name) {
			continue
		}
		ours := of(samples, hapair, at)
		if len(ours) == 0 {
			continue
		}
		if text, met, ok := t.judge(ours, samples, at); ok {
			fmt.Fprintf(&b, "  %s%s: %s, %s wanted: %s\n", t.what, at, text, t.bounds, figures.Verdict(met))
		}
	}
	return b.String()
}

// judge reports whether the target is met; ok is false if there is nothing to compare with.
func (t target) judge(ours, samples []Sample, at place) (text string, met, ok bool) {
	low, mid, high := spread(ours, t.of)
	base, other := at, hapair
	switch {
	case t.against != "":
		other = t.against
	case t.than != "":
		base.name = t.than
	case t.bounds.hold(low) && !t.bounds.hold(high):
		return fmt.Sprintf("%.2f", high), false, true
	default:
		return fmt.Sprintf("%.2f", low), t.bounds.hold(low) && t.bounds.hold(high), true
	}
	theirs := of(samples, other, base)
	if base == at && other == hapair || len(theirs) == 0 {
		return "", false, false
	}
	_, against, _ := spread(theirs, t.of)
	whose := other
	if t.than != "" {
		whose = t.than
	}
	return fmt.Sprintf("%.2f × that of %s", mid/against, whose), t.bounds.hold(mid / against), true
}
