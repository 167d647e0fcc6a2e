package wan

import (
	"bytes"
	"errors"

	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/firewall/wan/balance"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Elements are those of the maps from slots to links. Package nftables implements it.
type Elements interface {
	Elements(table string, set nftables.Set, each func(nftables.Element) error) error
	WriteElements(table string, changes []nftables.ElementChange) ([]error, error)
}

// writeSlots makes the map of a family have these slots. It changes only what differs. Connections that begin at the
// same time see the old or the new slots.
func writeSlots(kernel Elements, family ruleset.Family, slots balance.Slots) error {
	name := plan.LinkMap(family)
	isRight := [ruleset.LinkSlots]bool{}
	err := kernel.Elements(plan.Table, nftables.Set{Name: name}, func(e nftables.Element) error {
		if slot, ok := ruleset.SlotOf(e.Key); ok {
			isRight[slot] = e.Remaining == 0 && bytes.Equal(e.Value, ruleset.MarkValue(plan.LinkMark(slots[slot])))
		}
		return nil
	})
	if err != nil {
		return err
	}
	var changes []nftables.ElementChange
	for slot, number := range slots {
		if !isRight[slot] {
			changes = append(changes, nftables.ElementChange{Set: name, Element: nftables.Element{
				Key: ruleset.SlotKey(slot), Value: ruleset.MarkValue(plan.LinkMark(number)),
			}})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	refused, err := kernel.WriteElements(plan.Table, changes)
	return errors.Join(err, firstOf(refused))
}

// firstOf returns the first error, which stands for all.
func firstOf(all []error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
