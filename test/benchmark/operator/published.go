package operator

import (
	"fmt"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// footprint is the peak memory of an operator with a number of pods.
type footprint struct {
	who  string
	pods int
	peak float64 // MiB
}

// published is the footprint of another operator of primaries and replicas, as its authors measured it: 83 MB with 40
// clusters of 3 shards (https://github.com/valkey-io/valkey-operator/issues/407). No other published figure was found.
var published = footprint{who: "valkey-operator 0.5.0, as published", pods: 240, peak: 83e6 / (1 << 20)}

func (f footprint) row() []string {
	return []string{
		f.who, fmt.Sprint(f.pods), fmt.Sprintf("%.0f", f.peak), fmt.Sprintf("%.0f", f.peak*(1<<10)/float64(f.pods)),
	}
}

// comparePublished returns a table of the memory of all samples and of another operator.
func comparePublished(samples []Sample) string {
	rows := make([][]string, 0, len(samples)+1)
	for _, s := range samples {
		ours := footprint{who: fmt.Sprintf("hapair, %d pairs", s.Pairs), pods: 2 * s.Pairs, peak: s.Peak}
		rows = append(rows, ours.row())
	}
	return figures.Table([]string{"operator", "pods", "peak MiB", "KiB a pod"}, append(rows, published.row()))
}
