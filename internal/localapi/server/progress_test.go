package server

import (
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// Each step is what has happened when the provider is checked, and the result.
func TestProgress(t *testing.T) {
	const timeout = 5 * time.Second
	type step struct {
		after    time.Duration
		newest   uint64
		held     uint64
		isBehind bool
	}
	for name, steps := range map[string][]step{
		"an empty class":               {{0, 0, 0, false}, {time.Hour, 0, 0, false}},
		"it reports in time":           {{0, 4, 0, false}, {4 * time.Second, 4, 4, false}, {time.Minute, 4, 4, false}},
		"it never reports":             {{0, 4, 0, false}, {5 * time.Second, 4, 0, true}, {time.Minute, 9, 0, true}},
		"it reports late":              {{0, 4, 0, false}, {time.Minute, 4, 0, true}, {0, 4, 4, false}},
		"it is late and moves on":      {{0, 4, 0, false}, {4 * time.Second, 8, 4, false}, {4 * time.Second, 12, 8, false}},
		"it stops among many changes":  {{0, 4, 4, false}, {time.Second, 5, 4, false}, {5 * time.Second, 90, 4, true}},
		"it lost what it had":          {{0, 4, 4, false}, {time.Second, 4, 0, false}, {5 * time.Second, 4, 0, true}},
		"it skips a revision":          {{0, 4, 0, false}, {time.Second, 7, 7, false}, {time.Minute, 7, 7, false}},
		"it falls behind again, later": {{0, 4, 0, false}, {5 * time.Second, 6, 4, false}, {5 * time.Second, 6, 4, true}},
	} {
		t.Run(name, func(t *testing.T) {
			p, now := progress{}, time.Now()
			for i, s := range steps {
				now = now.Add(s.after)
				p.held = s.held
				if p.check(s.newest, now, timeout); p.isBehind != s.isBehind {
					t.Errorf("step %d: behind is %v, want %v: %+v", i, p.isBehind, s.isBehind, p)
				}
			}
		})
	}
}

// What a provider has follows from more than its reports: it has what it wrote, and a process that has ended has
// nothing.
func TestHeldFollowsTheProcess(t *testing.T) {
	tables := table.NewSet(state.Classes(), clock.Boot)
	custom, _ := tables.Table(state.Custom)
	classes := func(name string) (class, bool) {
		return class{name: name, id: state.Custom, table: custom, prefix: name + "/"}, true
	}
	by := heldBy{provider: "kea", class: "leases"}
	h := newHeld([]contract.Provider{{Name: by.provider, Writes: []string{by.class}}}, classes)
	now := time.Now()
	check := func(what string, isActive bool, want ...heldBy) {
		t.Helper()
		var got []heldBy
		for range 2 { // The first time, it sees the change; and then it is late.
			now = now.Add(time.Minute)
			got = h.check(isActive, now, time.Second)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v are behind, want %v", what, got, want)
		}
	}
	put := func(key string) uint64 {
		t.Helper()
		if err := custom.Put(table.Entry{Key: key, Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		return custom.Revision()
	}
	end := h.watch(by)
	put("leases/a")
	check("the sidecar of an active has restarted", true)
	h.wrote(by, put("leases/b"))
	check("it writes", true)
	check("it wrote everything", false)
	put("leases/ended")
	if err := custom.Delete("leases/ended"); err != nil {
		t.Fatal(err)
	}
	h.settle()
	check("it saw what has ended", false)
	revision := put("leases/c")
	check("the peer has written", false, by)
	h.report(by, classOf(t, classes, by.class), revision)
	check("it has taken that over", false)
	end()
	check("its process has ended", false, by)
	h.settle()
	check("a process that is gone cannot have seen anything", false, by)
	check("it is alone", true)
	if got := h.check(false, now.Add(time.Hour), time.Second); len(got) > 0 {
		t.Errorf("%v are behind as soon as the unit is standby", got)
	}
}

func classOf(t *testing.T, classes func(string) (class, bool), name string) class {
	t.Helper()
	c, ok := classes(name)
	if !ok {
		t.Fatalf("there is no class %s", name)
	}
	return c
}
