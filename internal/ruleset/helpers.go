package ruleset

import (
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
)

// Helper is a named object that attaches a helper of the kernel's connection tracking to connections of a protocol.
type Helper struct {
	Name string
	// Type is the name of the helper in the kernel, such as "ftp".
	Type     string
	Protocol Protocol
}

// SetHelper attaches a helper to a new connection. It does nothing to connections that the kernel knows already. A
// Protocol must precede it, which is that of the helper.
type SetHelper struct{ Helper string }

func (e SetHelper) String() string { return fmt.Sprintf("ct helper set %q", e.Helper) }
func (SetHelper) step()            {}
func (e SetHelper) steps() []Step  { return []Step{e} }

// AnnouncedBy matches connections whose control connection has a helper of a type.
type AnnouncedBy struct{ Type string }

func (e AnnouncedBy) String() string { return fmt.Sprintf("ct helper %q", e.Type) }

// steps compares the name, which the kernel pads with zeros (NF_CT_HELPER_NAME_LEN).
func (e AnnouncedBy) steps() []Step {
	name := make([]byte, 16)
	copy(name, e.Type)
	return []Step{LoadConnection{connectionHelper}, Equal{name}}
}

// LabelConnection sets one of the connection's labels and keeps the others.
type LabelConnection struct{ Label contract.Label }

func (e LabelConnection) String() string { return fmt.Sprintf("ct label set %d", e.Label) }

// steps writes the label. The kernel changes only the bits that are set.
func (e LabelConnection) steps() []Step {
	bits := e.Label.Bits()
	return []Step{LoadValue{bits[:]}, StoreConnection{connectionLabels}}
}

// WithHelpers returns the ruleset without the helpers that have none of the names, and without the rules that attach
// them.
func (r Ruleset) WithHelpers(names []string) Ruleset {
	isKept := func(name string) bool { return slices.Contains(names, name) }
	r.Helpers = slices.DeleteFunc(slices.Clone(r.Helpers), func(h Helper) bool { return !isKept(h.Name) })
	r.Chains = slices.Clone(r.Chains)
	for i, chain := range r.Chains {
		r.Chains[i].Rules = slices.DeleteFunc(slices.Clone(chain.Rules), func(rule Rule) bool {
			return slices.ContainsFunc(rule, func(e Expression) bool {
				set, ok := e.(SetHelper)
				return ok && !isKept(set.Helper)
			})
		})
	}
	return r
}
