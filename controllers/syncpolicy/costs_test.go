package syncpolicy

import (
	"slices"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

func reporting(classes ...v1alpha1.UnitClass) v1alpha1.HAUnitStatus {
	return v1alpha1.HAUnitStatus{Role: string(v1alpha1.RoleActive), Classes: classes}
}

func class(name string, entries, rate int64) v1alpha1.UnitClass {
	return v1alpha1.UnitClass{Name: name, Entries: &entries, BytesPerSecond: &rate}
}

// The costs of all pairs are added up. A number that a unit does not know counts as nothing.
func TestCostsAreTheSumOfAllPairs(t *testing.T) {
	got := costsOf([]v1alpha1.HAUnitStatus{
		reporting(class("FTP", 3, 40), class("ConnectionCache", 1000, 2000)),
		reporting(class("ConnectionCache", 500, 7), v1alpha1.UnitClass{Name: "Configuration"}),
		reporting(),
	})
	want := []v1alpha1.ClassCost{
		{Name: "Configuration"},
		{Name: "ConnectionCache", Entries: 1500, BytesPerSecond: 2007},
		{Name: "FTP", Entries: 3, BytesPerSecond: 40},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if none := costsOf(nil); len(none) != 0 {
		t.Errorf("no unit costs %+v", none)
	}
}
