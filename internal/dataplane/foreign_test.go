package dataplane

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// refusing is a kernel that refuses to remove some routes and rules.
type refusing struct {
	Kernel
	rules   []rtnetlink.Rule
	refuses func(priorityOrMetric uint32) bool
}

func (r refusing) Rules() ([]rtnetlink.Rule, error) { return r.rules, nil }

func (r refusing) RemoveRules(rules []rtnetlink.Rule) (removed []rtnetlink.Rule, err error) {
	return remove(rules, func(rule rtnetlink.Rule) bool { return r.refuses(rule.Priority) })
}

func (r refusing) RemoveRoutes(routes []rtnetlink.Route) (removed []rtnetlink.Route, err error) {
	return remove(routes, func(route rtnetlink.Route) bool { return r.refuses(route.Metric) })
}

func remove[T any](all []T, isRefused func(T) bool) ([]T, error) {
	removed := slices.DeleteFunc(slices.Clone(all), isRefused)
	if len(removed) < len(all) {
		return removed, errors.New("not permitted")
	}
	return removed, nil
}

// What the kernel refuses to remove is a fault, and is not counted as undone.
func TestOnlyWhatWasRemovedIsUndone(t *testing.T) {
	routes := []rtnetlink.Route{
		{Table: contract.DataPlaneTable, To: netip.MustParsePrefix("198.51.100.0/24"), Metric: 1},
		{Table: contract.DataPlaneTable, To: netip.MustParsePrefix("198.51.100.0/24"), Metric: 2},
	}
	rules := []rtnetlink.Rule{{Priority: 1, Table: 100}, {Priority: 2, Table: 100}}
	for name, c := range map[string]struct {
		refuses func(uint32) bool
		undone  float64
	}{
		"nothing is refused": {func(uint32) bool { return false }, 2},
		"one is refused":     {func(n uint32) bool { return n == 1 }, 1},
		"all are refused":    {func(uint32) bool { return true }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			p := New(Options{
				Kernel: refusing{rules: rules, refuses: c.refuses}, Metrics: NewMetrics(registry), Log: testr.New(t),
			})
			if err := p.removeForeign(host{routes: routes}); (err != nil) != (c.undone < 2) {
				t.Errorf("the fault is %v", err)
			}
			want := map[string]float64{kindRoute: c.undone, kindRule: c.undone, kindInterface: 0}
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range families[0].GetMetric() {
				kind := m.GetLabel()[0].GetValue()
				if got := m.GetCounter().GetValue(); got != want[kind] {
					t.Errorf("%g undone of kind %s, want %g", got, kind, want[kind])
				}
			}
			if isNoted := p.intrusions.first != ""; isNoted != (c.undone > 0) {
				t.Errorf("noted as a disturbance: %q", p.intrusions.first)
			}
		})
	}
}
