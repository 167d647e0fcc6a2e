package plan

import (
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// setControl holds the interfaces of the control plane, whose packets no policy concerns.
const setControl = "control"

// Base returns the ruleset that is in force before the first document. It forwards nothing from, to or between traffic
// interfaces, and accepts nothing from them except neighbour discovery. Without a document every interface carries
// traffic, except those of the control plane.
func Base(control []string) ruleset.Ruleset {
	c := newCompiler(document.Document{})
	c.result.InterfaceSets = []ruleset.InterfaceSet{{Name: setControl, Interfaces: control}}
	in, out := ruleset.InInterface{Set: setControl}, ruleset.OutInterface{Set: setControl}
	drop := ruleset.Rule{ruleset.Counter{}, ruleset.Drop{}}
	c.addHook("forward", ruleset.Hook{Point: ruleset.Forward, Drops: true}, ruleset.Rule{in, out, ruleset.Accept{}}, drop)
	c.addInput(
		ruleset.Rule{in, ruleset.Accept{}},
		ruleset.Rule{ruleset.ICMPv6, ruleset.Jump{Chain: chainNeighbours}},
		drop,
	)
	c.addNeighbours()
	return c.result
}
