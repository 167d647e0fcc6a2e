package health

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestJudgement(t *testing.T) {
	limits := thresholds{failure: 3, success: 2}
	for name, test := range map[string]struct {
		results string // + is a success, - a failure
		want    string // the verdict after each
	}{
		"the first success is believed":  {"+", "r"},
		"the first failures are not":     {"--", "??"},
		"until there are enough":         {"---", "??u"},
		"a success between them counts":  {"--+", "??r"},
		"failures in a row":              {"+---", "rrru"},
		"failures not in a row":          {"+--+--+", "rrrrrrr"},
		"successes in a row":             {"---++", "??uur"},
		"successes not in a row":         {"---+-+-", "??uuuuu"},
		"there and back":                 {"+---++---", "rrruurrru"},
		"it stays what it is":            {"+++++---------", "rrrrrrruuuuuuu"},
		"the count starts again":         {"+-----+--+", "rrruuuuuuu"},
		"a single success is not enough": {"---+---+", "??uuuuuu"},
	} {
		t.Run(name, func(t *testing.T) {
			var j judgement
			got := ""
			for _, r := range test.results {
				j = j.after(r == '+', limits)
				got += string("?ru"[j.verdict])
			}
			if got != test.want {
				t.Errorf("%s gives %s instead of %s", test.results, got, test.want)
			}
		})
	}
}

// The judgement is held against one that looks at all results each time.
func TestJudgementAgainstAllResults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := thresholds{
			failure: rapid.IntRange(1, 5).Draw(t, "failure"), success: rapid.IntRange(1, 5).Draw(t, "success"),
		}
		results := rapid.SliceOfN(rapid.Bool(), 0, 60).Draw(t, "results")
		var j judgement
		held := unknown
		for i, success := range results {
			j = j.after(success, limits)
			inARow := func(what bool, n int) bool {
				return i+1 >= n && !slices.Contains(results[i+1-n:i+1], !what)
			}
			switch {
			case held == unknown && success, inARow(true, limits.success) && success:
				held = reached
			case inARow(false, limits.failure):
				held = unreached
			}
			if j.verdict != held {
				t.Fatalf("after %v: %d instead of %d", results[:i+1], j.verdict, held)
			}
		}
	})
}
