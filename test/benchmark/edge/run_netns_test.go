//go:build netns

package edge

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/namespace"
)

func TestMain(m *testing.M) {
	namespace.Alone()
	m.Run()
}

func TestEachMeasurementHasARow(t *testing.T) {
	var table strings.Builder
	if err := Run(t.Context(), Options{Times: 2, Progress: &table}); err != nil {
		t.Fatal(err)
	}
	for _, m := range measurements {
		if !strings.Contains(table.String(), m.what) {
			t.Errorf("no %q in\n%s", m.what, table.String())
		}
	}
}
