package document_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestMulticast(t *testing.T) {
	for name, c := range map[string]struct{ multicast, want string }{
		"all groups":     {`{upstream: wan, downstream: [lan]}`, ""},
		"groups":         {`{upstream: wan, downstream: [lan, lan], groups: [239.0.0.0/8, "ff08::/16"]}`, ""},
		"a whole family": {`{upstream: wan, downstream: [lan], groups: [224.0.0.0/4]}`, ""},
		"no downstream":  {`{upstream: wan}`, "spec.multicast.downstream: must be set"},
		"of no zone":     {`{upstream: dmz, downstream: [lan]}`, `spec.multicast.upstream: unknown interface "dmz"`},
		"both":           {`{upstream: wan, downstream: [lan, wan]}`, `spec.multicast.downstream: "wan" is upstream too`},
		"unicast": {
			`{upstream: wan, downstream: [lan], groups: [10.0.0.0/8]}`,
			"spec.multicast.groups[0]: 10.0.0.0/8 is no prefix of multicast addresses",
		},
		"of one link": {
			`{upstream: wan, downstream: [lan], groups: ["ff02::/16"]}`,
			"spec.multicast.groups[0]: ff02::/16 are groups of one link",
		},
	} {
		t.Run(name, func(t *testing.T) { checkField(t, "multicast: "+c.multicast, c.want) })
	}
}

// checkField checks a document with a LAN and a WAN that has one more field. It is valid if want is empty.
func checkField(t *testing.T, field, want string) {
	t.Helper()
	d, err := document.Parse([]byte("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
		"  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}]\n  " + field + "\n"))
	if err == nil {
		err = d.Validate(networks)
	}
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}
