package figures_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

func TestSummarize(t *testing.T) {
	var values []time.Duration
	for i := 200; i > 0; i-- {
		values = append(values, time.Duration(i))
	}
	for name, c := range map[string]struct {
		values []time.Duration
		want   figures.Summary
	}{
		"nothing":  {nil, figures.Summary{}},
		"one":      {values[:1], figures.Summary{Runs: 1, P50: 200, P99: 200, Min: 200, Max: 200}},
		"two":      {values[198:], figures.Summary{Runs: 2, P50: 1, P99: 2, Min: 1, Max: 2}},
		"twenty":   {values[180:], figures.Summary{Runs: 20, P50: 10, P99: 20, Min: 1, Max: 20}},
		"200 runs": {values, figures.Summary{Runs: 200, P50: 100, P99: 198, Min: 1, Max: 200}},
	} {
		if got := figures.Summarize(c.values); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	if values[0] != 200 {
		t.Error("the values were reordered")
	}
}

func TestNumbers(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0", 1234 * time.Microsecond: "1.2", 99_960 * time.Microsecond: "100", 3399 * time.Millisecond: "3399",
	} {
		if got := figures.Milliseconds(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
	if got := figures.Ratio(time.Second, 150*time.Millisecond); got != "6.7×" {
		t.Errorf("got %s", got)
	}
	if got := figures.Ratio(time.Second, 0); got != "–" {
		t.Errorf("got %s", got)
	}
}

func TestTableAligns(t *testing.T) {
	got := figures.Table([]string{"what", "ms"}, [][]string{{"a", "10.0"}, {"longer – one", "5"}})
	want := "" +
		"what            ms\n" +
		"------------  ----\n" +
		"a             10.0\n" +
		"longer – one     5\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
