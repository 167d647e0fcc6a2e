package nftables

import (
	"fmt"

	"github.com/google/nftables"

	"github.com/hapair-io/hapair/internal/ruleset"
)

func (b *builder) addChain(c ruleset.Chain) {
	chain := &nftables.Chain{Name: c.Name, Table: b.table}
	if c.Hook != nil {
		policy := nftables.ChainPolicyAccept
		if c.Hook.Drops {
			policy = nftables.ChainPolicyDrop
		}
		chain.Policy = &policy
		chain.Type, chain.Hooknum, chain.Priority = place(*c.Hook)
	}
	b.conn.AddChain(chain)
}

// place returns the type, hook and priority of a chain. Translations get their standard priorities. This way filters
// see a packet's destination after translation and its source before.
func place(h ruleset.Hook) (nftables.ChainType, *nftables.ChainHook, *nftables.ChainPriority) {
	points := map[ruleset.HookPoint]*nftables.ChainHook{
		ruleset.Prerouting:  nftables.ChainHookPrerouting,
		ruleset.Input:       nftables.ChainHookInput,
		ruleset.Forward:     nftables.ChainHookForward,
		ruleset.Output:      nftables.ChainHookOutput,
		ruleset.Postrouting: nftables.ChainHookPostrouting,
	}
	switch {
	case h.NAT:
		priority := *nftables.ChainPriorityNATSource
		if h.Point == ruleset.Prerouting {
			priority = *nftables.ChainPriorityNATDest
		}
		if h.Late {
			priority++
		}
		return nftables.ChainTypeNAT, points[h.Point], &priority
	case h.Raw:
		return nftables.ChainTypeFilter, points[h.Point], nftables.ChainPriorityRaw
	case h.Mangle:
		return nftables.ChainTypeFilter, points[h.Point], nftables.ChainPriorityMangle
	case h.Late:
		return nftables.ChainTypeFilter, points[h.Point], nftables.ChainPrioritySecurity
	default:
		return nftables.ChainTypeFilter, points[h.Point], nftables.ChainPriorityFilter
	}
}

func (b *builder) addRules(c ruleset.Chain) error {
	chain := &nftables.Chain{Name: c.Name, Table: b.table}
	for _, rule := range c.Rules {
		exprs, err := b.encode(rule)
		if err != nil {
			return fmt.Errorf("chain %s: rule %q: %w", c.Name, rule, err)
		}
		b.conn.AddRule(&nftables.Rule{Table: b.table, Chain: chain, Exprs: exprs})
	}
	return nil
}
