package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// pinholes are the dynamic sets and maps of a gateway, in which it announces connections.
type pinholes struct {
	kernel nftables.Kernel
	helper document.Helper
}

// pinhole is a connection that is announced: its source, and where it goes to as the source sees it.
type pinhole struct {
	from netip.Addr
	to   netip.AddrPort
}

// key returns the key of the pinhole: each value is padded to a multiple of four bytes.
func (p pinhole) key() []byte {
	return append(slices.Concat(p.from.AsSlice(), p.to.Addr().AsSlice()), portOf(p.to)...)
}

func portOf(a netip.AddrPort) []byte {
	return append(binary.BigEndian.AppendUint16(nil, a.Port()), 0, 0)
}

func value(target netip.AddrPort) []byte { return append(target.Addr().AsSlice(), portOf(target)...) }

// open accepts a connection to a target. If the source sees another destination, it is translated to the target.
func (p pinholes) open(hole pinhole, target netip.AddrPort) error {
	set, translation := plan.Pinholes(p.helper, ruleset.FamilyOf(target.Addr()))
	accepted := pinhole{from: hole.from, to: target}
	changes := []nftables.ElementChange{{Set: set, Element: element(accepted.key(), nil)}}
	if hole.to != target {
		changes = append(changes, nftables.ElementChange{Set: translation, Element: element(hole.key(), value(target))})
	}
	refused, err := p.kernel.WriteElements(plan.Table, changes)
	if err = errors.Join(append(refused, err)...); err != nil {
		return fmt.Errorf("announcing a connection from %s to %s: %w", hole.from, target, err)
	}
	return nil
}

func element(key, value []byte) nftables.Element {
	return nftables.Element{Key: key, Value: value, Timeout: plan.PinholeTimeout, Remaining: plan.PinholeTimeout}
}

// translations returns the targets of all translations of a family that are announced now, by their keys.
func (p pinholes) translations(f ruleset.Family) (targets map[string]string, err error) {
	_, translation := plan.Pinholes(p.helper, f)
	targets = map[string]string{}
	set := nftables.Set{Name: translation, Timeout: plan.PinholeTimeout}
	err = p.kernel.Elements(plan.Table, set, func(e nftables.Element) error {
		targets[string(e.Key)] = string(e.Value)
		return nil
	})
	return targets, err
}
