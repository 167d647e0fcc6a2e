package plan_test

import (
	"slices"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/plan"
)

// A connection that a gateway announced continues as long as the document uses the gateway.
func TestAnnouncedConnectionsContinueWithTheirGateway(t *testing.T) {
	used := plan.Revalidate(parse(t, "testdata/gateways.yaml"))
	unused := plan.Revalidate(parse(t, "testdata/least.yaml"))
	for name, c := range map[string]struct {
		labels []contract.Label
		want   bool
	}{
		"announced by SQL*Net":       {[]contract.Label{contract.LabelTNS, contract.LabelAnnounced}, true},
		"a control connection":       {[]contract.Label{contract.LabelTNS}, false},
		"announced by a kernel's":    {[]contract.Label{contract.LabelFTP, contract.LabelAnnounced}, false},
		"without labels of gateways": {nil, false},
	} {
		has := func(l contract.Label) bool { return slices.Contains(c.labels, l) }
		if got := used.AllowsAnnounced(has); got != c.want {
			t.Errorf("%s, with the gateway in use: %t", name, got)
		}
		if unused.AllowsAnnounced(has) {
			t.Errorf("%s, without the gateway: it continues", name)
		}
	}
}
