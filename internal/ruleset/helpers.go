package ruleset

import (
	"encoding/binary"
	"fmt"
	"slices"
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

// LabelConnection sets a bit of the connection's labels and keeps the others.
type LabelConnection struct{ Bit uint8 }

func (e LabelConnection) String() string { return fmt.Sprintf("ct label set %d", e.Bit) }

// steps writes the labels as the kernel keeps them: words in the byte order of the machine. The kernel changes only the
// bits that are set.
func (e LabelConnection) steps() []Step {
	var words [2]uint64
	words[e.Bit/64] = 1 << (e.Bit % 64)
	var labels []byte
	for _, word := range words {
		labels = binary.NativeEndian.AppendUint64(labels, word)
	}
	return []Step{LoadValue{labels}, StoreConnection{connectionLabels}}
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
