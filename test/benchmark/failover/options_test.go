package failover

import (
	"strings"
	"testing"
)

func TestSelected(t *testing.T) {
	wanted, err := Options{Scenarios: []string{"power-off"}, Only: "hapair"}.selected()
	if err != nil || len(wanted) != 1 || len(wanted[0].variants) != 3 {
		t.Errorf("selected() = %v, %v, want one scenario with three settings of hapair", wanted, err)
	}
	for _, o := range []Options{{Scenarios: []string{"power-on"}}, {Only: "Keepalived"}} {
		if _, err := o.selected(); err == nil || !strings.Contains(err.Error(), `"`) {
			t.Errorf("selected() of %+v returns the error %v, want one that quotes the name", o, err)
		}
	}
	if all, err := (Options{}).selected(); err != nil || len(all) != len(Names()) {
		t.Errorf("selected() without a choice returns %d scenarios and %v, want all %d", len(all), err, len(Names()))
	}
}
