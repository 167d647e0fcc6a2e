package ha

import "testing"

func TestBetter(t *testing.T) {
	whole := Health{Firewall: true, Links: 3, Probes: 3, Judged: 3}
	with := func(f func(*Health)) Health {
		h := whole
		f(&h)
		return h
	}
	for name, test := range map[string]struct {
		h, than Health
		want    bool
	}{
		"the same":          {whole, whole, false},
		"a firewall":        {whole, with(func(h *Health) { h.Firewall, h.Links = false, 7 }), true},
		"an interface":      {whole, with(func(h *Health) { h.Links = 1 }), true},
		"another interface": {with(func(h *Health) { h.Links = 2 }), with(func(h *Health) { h.Links = 1 }), false},
		"its addresses": {
			with(func(h *Health) { h.Probes = 1 }), with(func(h *Health) { h.Unheld = 2 }), true,
		},
		"addresses of another network": {
			with(func(h *Health) { h.Unheld = 1 }), with(func(h *Health) { h.Unheld = 2 }), false,
		},
		"an interface and no addresses": {
			with(func(h *Health) { h.Unheld = 3 }), with(func(h *Health) { h.Links = 1 }), true,
		},
		"a target": {whole, with(func(h *Health) { h.Probes = 1 }), true},
		"one target each": {
			with(func(h *Health) { h.Probes = 2 }), with(func(h *Health) { h.Probes = 1 }), false,
		},
		"a target of nobody's": {
			with(func(h *Health) { h.Probes = 1 }), with(func(h *Health) { h.Probes = 1 }), false,
		},
		"a target that the other cannot judge": {
			whole, with(func(h *Health) { h.Probes, h.Judged = 0, 0 }), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.h.isBetterThan(test.than); got != test.want {
				t.Errorf("%t", got)
			}
			if test.want && test.than.isBetterThan(test.h) {
				t.Error("each is better than the other")
			}
		})
	}
}
