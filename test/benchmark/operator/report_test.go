package operator

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestReportJudges(t *testing.T) {
	good := Sample{
		Pairs: 1000, Converged: 100, Reconciles: 5000, WritesCreated: 21000, Rest: 600, Peak: 90,
		Repointed: Spread{P50: 5, P99: 50, Max: 60}, Burst: 100, Restarted: 4,
	}
	bad := good
	bad.Pairs, bad.RestWrites, bad.Peak, bad.Repointed.P99, bad.RestartWrites = 10, 601, 401, 51, 1
	text := report([]Sample{good, bad})
	for line := range strings.Lines(text) {
		switch {
		case strings.Contains(line, " wanted:") && strings.Contains(line, "  1000 pairs") && !strings.Contains(line, ": met"),
			strings.Contains(line, " wanted:") && strings.Contains(line, "  10 pairs") && !strings.Contains(line, ": MISSED"):
			t.Error(line)
		}
	}
	if got := strings.Count(text, " wanted:"); got != 10 {
		t.Errorf("%d verdicts:\n%s", got, text)
	}
	for _, part := range []string{"10.0", "21.0", "at rest", "another operator", "hapair, 1000 pairs", "valkey-operator"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing:\n%s", part, text)
		}
	}
}

const metrics = `# TYPE controller_runtime_reconcile_errors_total counter
controller_runtime_reconcile_errors_total{controller="hapair"} 3
controller_runtime_reconcile_errors_total{controller="syncpolicy"} 7
# TYPE controller_runtime_reconcile_time_seconds histogram
controller_runtime_reconcile_time_seconds_bucket{controller="hapair",le="0.01"} 40
controller_runtime_reconcile_time_seconds_bucket{controller="hapair",le="0.02"} 90
controller_runtime_reconcile_time_seconds_bucket{controller="hapair",le="0.05"} 99
controller_runtime_reconcile_time_seconds_bucket{controller="hapair",le="+Inf"} 100
controller_runtime_reconcile_time_seconds_sum{controller="hapair"} 2
controller_runtime_reconcile_time_seconds_count{controller="hapair"} 100
`

func TestReconcilesAreThoseOfPairs(t *testing.T) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(metrics))
	if err != nil {
		t.Fatal(err)
	}
	all := reconcilesOf(families)
	if all.Count != 100 || all.Errors != 3 {
		t.Errorf("%d reconciles, %d errors", all.Count, all.Errors)
	}
	for part, want := range map[float64]time.Duration{
		0.4: 10 * time.Millisecond, 0.65: 15 * time.Millisecond, 0.99: 50 * time.Millisecond, 1: 50 * time.Millisecond,
	} {
		if got := all.quantile(part).Round(time.Microsecond); got != want {
			t.Errorf("%g of them: %s, want %s", part, got, want)
		}
	}
	if none := all.since(all); none.Count != 0 || none.Errors != 0 || none.quantile(0.5) != 0 {
		t.Errorf("since then: %+v", none)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Pairs: []int{1000}, Rest: time.Second, Renewal: time.Second, Failovers: 1, Burst: 1}
	for name, change := range map[string]func(*Options){
		"no number":    func(o *Options) { o.Pairs = nil },
		"no pairs":     func(o *Options) { o.Pairs = []int{0} },
		"too many":     func(o *Options) { o.Pairs = []int{maxPairs + 1} },
		"no failovers": func(o *Options) { o.Failovers = 0 },
		"no rest":      func(o *Options) { o.Rest = 0 },
	} {
		o := good
		change(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
