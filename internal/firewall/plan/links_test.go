package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
)

func wanOf(names ...string) (w document.WAN) {
	for _, name := range names {
		w.Links = append(w.Links, document.WANLink{Name: name})
	}
	return w
}

// Connections are known by the numbers of their links, so a link must keep its number.
func TestNumbersOfLinksStay(t *testing.T) {
	number := func(w document.WAN, name string) uint8 {
		i := slices.IndexFunc(w.Links, func(l document.WANLink) bool { return l.Name == name })
		return plan.LinkNumbers(w)[i]
	}
	alone := number(wanOf("fibre"), "fibre")
	for _, w := range []document.WAN{wanOf("cable", "fibre"), wanOf("fibre", "cable", "radio"), wanOf("radio", "fibre")} {
		if got := number(w, "fibre"); got != alone {
			t.Errorf("the number among %v is %d, alone %d", w.Links, got, alone)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}`), 1, 8, rapid.ID[string]).Draw(t, "names")
		numbers := plan.LinkNumbers(wanOf(names...))
		slices.Sort(numbers)
		if len(slices.Compact(numbers)) != len(names) || numbers[0] == 0 {
			t.Fatalf("the numbers of %v are %v", names, numbers)
		}
	})
}

// The mark of a path has no bit of a link. A connection of a link that is gone would leave by another link, with the
// address of the former.
func TestConnectionsOfLostLinksEnd(t *testing.T) {
	const text = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}]
  policies: [{name: out, from: [lan], to: [wan], action: Accept%s}]
  %s
`
	const links = "wan: {links: [{name: fibre, interface: wan, gateways: [203.0.113.254]}]}"
	number := plan.LinkNumbers(wanOf("fibre"))[0]
	for name, c := range map[string]struct {
		keep, links string
		mark        uint32
		want        bool
	}{
		"of no link":           {"", links, 0, true},
		"of its link":          {"", links, plan.LinkMark(number), true},
		"of a link that went":  {"", links, plan.LinkMark(number + 1), false},
		"kept":                 {"", links, plan.LinkMark(number+1) | plan.MarkKeep, true},
		"in a document before": {"", "logging: {dropped: true}", plan.LinkMark(number + 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := document.Parse(fmt.Appendf(nil, text, c.keep, c.links))
			if err != nil {
				t.Fatal(err)
			}
			connection := connectionOf(t, "lan>wan 17/0 192.168.50.7:4000 192.0.2.9:53")
			if connection.Mark&contract.LinkMask != 0 {
				t.Errorf("the mark of a path is %#x", connection.Mark)
			}
			connection.Mark |= c.mark
			if got := plan.Revalidate(d).Allows(connection); got != c.want || !connection.HasPath() {
				t.Errorf("allowed: %t, want %t", got, c.want)
			}
		})
	}
}
