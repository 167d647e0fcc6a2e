package syncpolicy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// maxClasses is the number of classes that the API admits in a status.
const maxClasses = 64

// activeUnits reads the reports of the active units of pairs. A pair without a report is left out.
func (r *Reconciler) activeUnits(ctx context.Context, pairs []v1alpha1.HAPair) ([]v1alpha1.HAUnitStatus, error) {
	var reports []v1alpha1.HAUnitStatus
	for i := range pairs {
		pair := &pairs[i]
		for _, unit := range v1alpha1.Units() {
			report := &v1alpha1.HAUnit{}
			key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.UnitName(pair.Name, unit)}
			if err := r.Client.Get(ctx, key, report); client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("reading HAUnit %s: %w", key, err)
			}
			if metav1.IsControlledBy(report, pair) && report.Status.Role == string(v1alpha1.RoleActive) {
				reports = append(reports, report.Status)
			}
		}
	}
	return reports, nil
}

// costsOf returns what each class costs the active units of pairs together, sorted by name.
func costsOf(active []v1alpha1.HAUnitStatus) []v1alpha1.ClassCost {
	costs := map[string]v1alpha1.ClassCost{}
	for _, unit := range active {
		for _, class := range unit.Classes {
			cost := costs[class.Name]
			cost.Name = class.Name
			if class.Entries != nil {
				cost.Entries += *class.Entries
			}
			if class.BytesPerSecond != nil {
				cost.BytesPerSecond += *class.BytesPerSecond
			}
			costs[class.Name] = cost
		}
	}
	sorted := make([]v1alpha1.ClassCost, 0, len(costs))
	for _, name := range slices.Sorted(maps.Keys(costs)) {
		sorted = append(sorted, costs[name])
	}
	return sorted[:min(len(sorted), maxClasses)]
}
