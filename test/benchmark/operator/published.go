package operator

import (
	"fmt"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// footprint is the memory that an operator takes at the peak, for so many pods that it looks after.
type footprint struct {
	who  string
	pods int
	peak float64 // MiB
}

// published is what the makers of another operator of primaries and replicas measured of it, on a machine of theirs:
// 40 clusters of 3 shards, 83 MB (https://github.com/valkey-io/valkey-operator/issues/407). It is the one figure of its
// kind that was found.
var published = footprint{who: "valkey-operator 0.5.0, as published", pods: 240, peak: 83e6 / (1 << 20)}

func (f footprint) row() []string {
	return []string{
		f.who, fmt.Sprint(f.pods), fmt.Sprintf("%.0f", f.peak), fmt.Sprintf("%.0f", f.peak*(1<<10)/float64(f.pods)),
	}
}

// besidePublished shows the memory of all samples beside that of another operator.
func besidePublished(samples []Sample) string {
	rows := make([][]string, 0, len(samples)+1)
	for _, s := range samples {
		ours := footprint{who: fmt.Sprintf("hapair, %d pairs", s.Pairs), pods: 2 * s.Pairs, peak: s.Peak}
		rows = append(rows, ours.row())
	}
	return figures.Table([]string{"operator", "pods", "peak MiB", "KiB a pod"}, append(rows, published.row()))
}
