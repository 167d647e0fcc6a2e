package all_test

import (
	"testing"

	"github.com/hapair-io/hapair/internal/class/all"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/state"
)

func TestEveryClassHasOneFactory(t *testing.T) {
	factories := map[state.Class]int{}
	for _, factory := range all.Factories(configuration.New(), table.NewSet(state.Classes(), nil), nil) {
		factories[factory.ID]++
		if _, ok := state.Classes().Row(factory.ID); !ok {
			t.Errorf("the factory of %s has no row in the catalogue", factory.ID)
		}
	}
	for _, row := range state.Classes() {
		want := 1
		if row.Default == state.Never {
			want = 0
		}
		if factories[row.ID] != want {
			t.Errorf("%s has %d factories, want %d", row.Name, factories[row.ID], want)
		}
	}
}
