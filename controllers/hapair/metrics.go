package hapair

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// RegisterMetrics registers the metrics about the pairs that a reader knows. They are computed when they are scraped.
func RegisterMetrics(registerer prometheus.Registerer, pairs client.Reader) error {
	count := func(matches func(*v1alpha1.UpgradeStatus) bool) func() float64 {
		return func() float64 { return countUpgrades(pairs, matches) }
	}
	for _, gauge := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hapair_operator_pairs_updating",
			Help: "Pairs that have their turn in an update and are not whole again.",
		}, count(func(u *v1alpha1.UpgradeStatus) bool { return u.StartedAt != nil })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hapair_operator_pairs_waiting",
			Help: "Pairs that are outdated and wait for their turn in an update.",
		}, count(func(u *v1alpha1.UpgradeStatus) bool { return u.WaitingSince != nil })),
	} {
		if err := registerer.Register(gauge); err != nil {
			return err
		}
	}
	return nil
}

// countUpgrades returns the number of pairs whose update matches; 0 while the cache is not synced.
func countUpgrades(reader client.Reader, matches func(*v1alpha1.UpgradeStatus) bool) float64 {
	pairs := &v1alpha1.HAPairList{}
	if err := reader.List(context.Background(), pairs, client.UnsafeDisableDeepCopy); err != nil {
		return 0
	}
	n := 0
	for i := range pairs.Items {
		if upgrade := pairs.Items[i].Status.Upgrade; upgrade != nil && matches(upgrade) {
			n++
		}
	}
	return float64(n)
}
