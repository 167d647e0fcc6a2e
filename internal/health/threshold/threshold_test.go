package threshold

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestJudgement(t *testing.T) {
	limits := Limits{Failures: 3, Successes: 2}
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
			var j Judgement
			got := ""
			for _, r := range test.results {
				j = j.After(r == '+', limits)
				got += string("?ru"[j.Verdict])
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
		limits := Limits{
			Failures: rapid.IntRange(1, 5).Draw(t, "failure"), Successes: rapid.IntRange(1, 5).Draw(t, "success"),
		}
		results := rapid.SliceOfN(rapid.Bool(), 0, 60).Draw(t, "results")
		var j Judgement
		held := Unknown
		for i, success := range results {
			j = j.After(success, limits)
			inARow := func(what bool, n int) bool {
				return i+1 >= n && !slices.Contains(results[i+1-n:i+1], !what)
			}
			switch {
			case held == Unknown && success, inARow(true, limits.Successes) && success:
				held = Reached
			case inARow(false, limits.Failures):
				held = Unreached
			}
			if j.Verdict != held {
				t.Fatalf("after %v: %d instead of %d", results[:i+1], j.Verdict, held)
			}
		}
	})
}
