package simulation

import (
	"io"
	"slices"
	"time"
)

// Simulator plays plans. It is for one goroutine.
type Simulator struct{ world world }

// Run plays the plan, and returns what it violates, or nil.
func (s *Simulator) Run(p Plan, b Break) *Violation {
	p = b.mutatePlan(p)
	s.world.trace = nil
	return s.world.run(&p, b)
}

// Trace plays the plan and writes what happens: all of it, or so many of the last lines before what it violates.
func (s *Simulator) Trace(p Plan, b Break, last int, out io.Writer) (*Violation, error) {
	p = b.mutatePlan(p)
	t := &trace{}
	s.world.trace = t
	v := s.world.run(&p, b)
	s.world.trace = nil
	until := s.world.now
	if v != nil {
		until = v.At
	}
	return v, t.write(out, until, last)
}

// Count adds what happened in the last run.
func (s *Simulator) Count(stats *Stats) { stats.add(&s.world) }

// echoes is with how many other streams of chance a smaller plan is tried: what is left of a failure depends on it.
const echoes = 12

// Shrink makes a plan that violates a rule smaller, as long as it violates that rule: fault by fault, and each fault
// shorter and simpler. What comes out can be played by itself.
func (s *Simulator) Shrink(p Plan, b Break) (Plan, *Violation) {
	v := s.Run(p, b)
	if v == nil {
		return p, nil
	}
	for smaller := true; smaller; {
		smaller = false
		for _, candidate := range reductions(p) {
			if found, violation := s.still(candidate, b, v.Rule); violation != nil {
				p, v, smaller = found, violation, true
				break
			}
		}
	}
	return p, v
}

// still tries a plan with some streams of chance.
func (s *Simulator) still(p Plan, b Break, r Rule) (Plan, *Violation) {
	for echo := range uint64(echoes) {
		if echo > 0 {
			p.Noise = echo
		}
		if v := s.Run(p, b); v != nil && v.Rule == r {
			return p, v
		}
	}
	return p, nil
}

// reductions returns plans that are smaller by one thing, the most promising first.
func reductions(p Plan) []Plan {
	var all []Plan
	add := func(change func(p *Plan)) {
		c := p
		c.Faults, c.kept = slices.Clone(p.Faults), slices.Clone(p.kept)
		change(&c)
		all = append(all, c)
	}
	for i := range p.Faults {
		add(func(c *Plan) {
			c.Faults = slices.Delete(c.Faults, i, i+1)
			c.kept = slices.Delete(c.kept, i, i+1)
		})
	}
	for i, f := range p.Faults {
		if f.Point != Anywhere {
			add(func(c *Plan) { c.Faults[i].Point = Anywhere })
		}
		if f.Length > 20*time.Millisecond && p.Drill == NoDrill {
			add(func(c *Plan) { c.Faults[i].Length /= 2 })
		}
		if f.Amount > 20*time.Millisecond && f.Kind != Stop {
			add(func(c *Plan) { c.Faults[i].Amount /= 2 })
		}
		if f.Target == Both && p.Drill == NoDrill {
			add(func(c *Plan) { c.Faults[i].Target = Primary })
			add(func(c *Plan) { c.Faults[i].Target = Secondary })
		}
	}
	if p.Units[0].Drift != 0 || p.Units[1].Drift != 0 {
		add(func(c *Plan) { c.Units[0].Drift, c.Units[1].Drift = 0, 0 })
	}
	if p.Units[0].Machine.Grant != p.Units[1].Machine.Grant ||
		p.Units[0].Machine.LeaseDuration != p.Units[1].Machine.LeaseDuration {
		add(func(c *Plan) {
			c.Units[1].Machine = c.Units[0].Machine
			c.Units[1].Machine.Preferred = false
		})
	}
	if p.Units[0].Machine.Preemption.Enabled && p.Drill == NoDrill {
		add(func(c *Plan) {
			c.Units[0].Machine.Preemption.Enabled, c.Units[1].Machine.Preemption.Enabled = false, false
		})
	}
	if p.LeaseAppears != 0 {
		add(func(c *Plan) { c.LeaseAppears = 0 })
	}
	return all
}
