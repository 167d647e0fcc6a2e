package ruleset

import "fmt"

// Expression is one match or action of a rule. matches.go and actions.go have all of them.
type Expression interface {
	// String returns the expression in the language of nft.
	fmt.Stringer
	// steps returns how the kernel evaluates the expression.
	steps() []Step
}

// Steps returns how the kernel evaluates the rule.
func (r Rule) Steps() []Step {
	var all []Step
	for _, e := range r {
		all = append(all, e.steps()...)
	}
	return all
}
