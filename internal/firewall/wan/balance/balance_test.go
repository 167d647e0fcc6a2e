package balance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/health/threshold"
)

// count returns how many slots each link has, by its number.
func count(slots Slots) map[uint8]int {
	counts := map[uint8]int{}
	for _, number := range slots {
		counts[number]++
	}
	return counts
}

func up(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func TestSlotsFollowWeights(t *testing.T) {
	fibre, cable := Link{Name: "fibre", Number: 7, Weight: 3}, Link{Name: "cable", Number: 9, Weight: 1}
	radio := Link{Name: "radio", Number: 5, Weight: 5, IsBackup: true}
	tiny := Link{Name: "tiny", Number: 4, Weight: 1}
	huge := Link{Name: "huge", Number: 3, Weight: 255}
	for name, c := range map[string]struct {
		links []Link
		isUp  func(string) bool
		want  map[uint8]int
	}{
		"both are up":           {[]Link{fibre, cable, radio}, up("fibre", "cable", "radio"), map[uint8]int{7: 192, 9: 64}},
		"one is down":           {[]Link{fibre, cable, radio}, up("cable", "radio"), map[uint8]int{9: 256}},
		"only the backup is up": {[]Link{fibre, cable, radio}, up("radio"), map[uint8]int{5: 256}},
		"none is up":            {[]Link{fibre, cable, radio}, up(), map[uint8]int{7: 192, 9: 64}},
		"backups alone":         {[]Link{radio}, up("radio"), map[uint8]int{5: 256}},
		"one is alone":          {[]Link{cable}, up("cable"), map[uint8]int{9: 256}},
		"the least weight":      {[]Link{huge, tiny}, up("huge", "tiny"), map[uint8]int{3: 255, 4: 1}},
		"less than a slot": {
			[]Link{huge, huge4(), tiny}, up("huge", "huge4", "tiny"), map[uint8]int{3: 128, 2: 127, 4: 1},
		},
		"no links":                {nil, up(), map[uint8]int{0: 256}},
		"what a dead one leaves":  {[]Link{fibre, cable, tiny}, up("fibre", "cable"), map[uint8]int{7: 192, 9: 64}},
		"its share, by weights":   {[]Link{huge, fibre, cable}, up("fibre", "cable"), map[uint8]int{7: 192, 9: 64}},
		"a dead one of no weight": {[]Link{fibre, radio}, up("fibre"), map[uint8]int{7: 256}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := count(Assign(c.links, c.isUp)); !near(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func huge4() Link { return Link{Name: "huge4", Number: 2, Weight: 255} }

// near reports whether counts differ by at most two slots, as rounding may cause when a link fails.
func near(got, want map[uint8]int) bool {
	for number := range want {
		if d := got[number] - want[number]; d < -2 || d > 2 {
			return false
		}
	}
	return len(got) == len(want)
}

// Any 32 connections in a row have nearly the right shares, and not only all 256.
func TestSlotsAreSpread(t *testing.T) {
	slots := Assign([]Link{{Name: "a", Number: 1, Weight: 3}, {Name: "b", Number: 2, Weight: 1}}, up("a", "b"))
	for first := range len(slots) - 32 {
		n := 0
		for _, number := range slots[first : first+32] {
			if number == 2 {
				n++
			}
		}
		if n < 7 || n > 9 {
			t.Fatalf("%d of 32 slots from %d on", n, first)
		}
	}
}

// Whatever fails, a slot whose link is up keeps it, and no slot has a link that is down while another one is up.
func TestSlotsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var links []Link
		for i := range rapid.IntRange(1, 8).Draw(t, "links") {
			links = append(links, Link{
				Name: fmt.Sprint(i), Number: uint8(i + 1), Weight: rapid.IntRange(1, 255).Draw(t, "weight"),
				IsBackup: rapid.Bool().Draw(t, "backup"),
			})
		}
		isUp := map[string]bool{}
		for _, l := range links {
			isUp[l.Name] = rapid.Bool().Draw(t, "up")
		}
		all := Assign(links, func(string) bool { return true })
		now := Assign(links, func(name string) bool { return isUp[name] })
		anyUp := slices.Contains(slices.Collect(maps.Values(isUp)), true)
		for i := range now {
			before, after := links[all[i]-1], links[now[i]-1]
			if isUp[before.Name] && after != before {
				t.Fatalf("slot %d moved from %v to %v, although the former is up", i, before, after)
			}
			if anyUp && !isUp[after.Name] {
				t.Fatalf("slot %d has %v, which is down", i, after)
			}
		}
		for _, l := range links {
			got, weight := count(now)[l.Number], Weights(links, func(name string) bool { return isUp[name] })[l.Name]
			if (got > 0) != (weight > 0) && len(links) == 1 {
				t.Fatalf("link %v has weight %d and %d slots", l, weight, got)
			}
		}
	})
}

// The scripts have a link a with two monitors and a link b without. Two failures or three successes in a row count.
//
//	+0, -0 and the like   a probe of monitor 0 succeeds or fails
//	cut, plug             the interface of a loses or gets its carrier
//	lost, found           the other unit tells that the monitors of a are lost or reached
func TestVerdicts(t *testing.T) {
	for script, want := range map[string]bool{
		"":                                 true,
		"-0 -1":                            true,
		"-0 -0":                            true,
		"-0 -0 -1 -1":                      false,
		"-0 +0 -0 -1 -1":                   true,
		"-0 -0 -1 -1 +0 +0":                false,
		"-0 -0 -1 -1 +0 +0 +0":             true,
		"-0 -0 -1 -1 +0 +0 -0 +0 +0":       false,
		"-0 -0 -1 -1 +0 +0 +1 +1":          false,
		"cut":                              false,
		"cut plug":                         true,
		"-0 -0 -1 -1 cut +0 +0 +0":         false,
		"-0 -0 -1 -1 cut +0 +0 +0 plug":    true,
		"lost":                             false,
		"lost +0 +0":                       false,
		"lost +0 +0 +0":                    true,
		"lost found":                       true,
		"-0 -0 found -0 -1":                true,
		"-0 -0 -1 -1 found -0 -0 -1":       true,
		"-0 -0 -1 -1 found -0 -0 -1 -1":    false,
		"-0 -0 -1 -1 -2 +2 +2 +2":          false,
		"-0 -0 -1 -1 -0 -0 -0 +1 +1 +1 -1": true,
	} {
		t.Run(script, func(t *testing.T) {
			m := New([]Monitored{
				{Link: Link{Name: "a", Number: 1, Weight: 1}, Monitors: 2, Limits: threshold.Limits{Failures: 2, Successes: 3}},
				{Link: Link{Name: "b", Number: 2, Weight: 1}},
			})
			for _, event := range strings.Fields(script) {
				switch event {
				case "cut", "plug":
					m.SetCarrier("a", event == "plug")
				case "lost", "found":
					m.Restore("a", event == "found")
				default:
					m.Probed("a", int(event[1]-'0'), event[0] == '+')
				}
			}
			if m.IsUp("a") != want || !m.IsUp("b") || m.Unusable()["a"] == want || len(m.Unusable()) > 1 {
				t.Errorf("a is up: %t, b: %t, unusable: %v", m.IsUp("a"), m.IsUp("b"), m.Unusable())
			}
		})
	}
}

// If all links are down, none is better than another.
func TestAllAreDown(t *testing.T) {
	m := New([]Monitored{{Link: Link{Name: "a"}}, {Link: Link{Name: "b"}}})
	m.SetCarrier("a", false)
	m.SetCarrier("b", false)
	m.SetCarrier("c", true) // It is no link of the document.
	m.Restore("c", true)
	m.Probed("c", 0, true)
	if m.IsUp("a") || m.IsUp("b") || m.IsUp("c") || len(m.Unusable()) != 0 {
		t.Errorf("unusable: %v", m.Unusable())
	}
}
