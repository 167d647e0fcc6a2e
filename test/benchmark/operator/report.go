package operator

import (
	"fmt"
	"strings"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// The targets.
const (
	wantedWrites    = 0.1 // a second and pair, at rest
	wantedMemory    = 400 // MiB
	wantedRepointed = 50  // ms, the 99th percentile, with up to so many pairs:
	repointedUpTo   = 1000
)

// report returns the tables of all samples, and which targets they met.
func report(samples []Sample) string {
	var b strings.Builder
	section := func(title string, header []string, row func(Sample) []string) {
		rows := [][]string{}
		for _, s := range samples {
			rows = append(rows, append([]string{fmt.Sprint(s.Pairs)}, row(s)...))
		}
		fmt.Fprintf(&b, "\n%s\n\n%s", title, figures.Table(append([]string{"pairs"}, header...), rows))
	}
	section("creation", []string{
		"all ready after s", "pairs/s", "reconciles a pair", "reconcile p50 ms", "p99 ms", "writes a pair", "errors",
	}, func(s Sample) []string {
		return []string{
			fmt.Sprintf("%.1f", s.Converged), fmt.Sprintf("%.1f", float64(s.Pairs)/float64(s.Converged)),
			fmt.Sprintf("%.1f", float64(s.Reconciles)/float64(s.Pairs)),
			fmt.Sprintf("%.1f", s.ReconcileP50), fmt.Sprintf("%.1f", s.ReconcileP99),
			fmt.Sprintf("%.1f", float64(s.WritesCreated)/float64(s.Pairs)), fmt.Sprint(s.Errors),
		}
	})
	section("at rest", []string{"s", "renewals/s of the units", "writes", "reconciles", "CPU ‰", "MiB", "peak MiB"},
		func(s Sample) []string {
			return []string{
				fmt.Sprintf("%.0f", s.Rest), fmt.Sprintf("%.0f", s.Renewals), fmt.Sprint(s.RestWrites),
				fmt.Sprint(s.RestReconciles), fmt.Sprintf("%.1f", s.RestCPU), fmt.Sprintf("%.0f", s.Resident),
				fmt.Sprintf("%.0f", s.Peak),
			}
		})
	section("from the Lease to the EndpointSlice", []string{
		"p50 ms", "p99 ms", "max ms", "at once", "p50 ms", "p99 ms", "last ms",
	}, func(s Sample) []string {
		return []string{
			fmt.Sprintf("%.1f", s.Repointed.P50), fmt.Sprintf("%.1f", s.Repointed.P99), fmt.Sprintf("%.1f", s.Repointed.Max),
			fmt.Sprint(s.Burst), fmt.Sprintf("%.0f", s.BurstLast.P50), fmt.Sprintf("%.0f", s.BurstLast.P99),
			fmt.Sprintf("%.0f", s.BurstLast.Max),
		}
	})
	section("another operator", []string{"looked at all after s", "writes"}, func(s Sample) []string {
		return []string{fmt.Sprintf("%.1f", s.Restarted), fmt.Sprint(s.RestartWrites)}
	})
	fmt.Fprintf(&b, "\nmemory, compared with another operator\n\n%s\n", comparePublished(samples))
	for _, s := range samples {
		for _, v := range verdicts(s) {
			fmt.Fprintf(&b, "  %d pairs: %s\n", s.Pairs, v)
		}
	}
	return b.String()
}

// verdicts returns each target with the value of a sample and whether it met the target.
func verdicts(s Sample) []string {
	verdict := func(what string, got, wanted float64) string {
		return fmt.Sprintf("%s: %.4g, at most %.4g wanted: %s", what, got, wanted, figures.Verdict(got <= wanted))
	}
	all := []string{
		verdict("writes a second and pair at rest", float64(s.RestWrites)/float64(s.Rest)/float64(s.Pairs), wantedWrites),
		verdict("writes at rest, all together", float64(s.RestWrites), 0),
		verdict("memory, MiB", s.Peak, wantedMemory),
		verdict("writes of another operator that found all well", float64(s.RestartWrites), 0),
	}
	if s.Pairs <= repointedUpTo {
		all = append(all,
			verdict("from the Lease to the EndpointSlice, p99 in ms", float64(s.Repointed.P99), wantedRepointed))
	}
	return all
}
