package members

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Kernel has the sets of the objects. Package nftables implements it.
type Kernel interface {
	Set(table, name string) (set nftables.Set, exists bool, err error)
	Sets(table string, prefixes []string) ([]nftables.Set, error)
	Elements(table string, set nftables.Set, each func(nftables.Element) error) error
	WriteElements(table string, changes []nftables.ElementChange) ([]error, error)
}

// Members are the addresses of the dynamic objects of the document in force.
type Members struct {
	kernel Kernel
	mu     sync.Mutex // One write at a time, so that one that fails can be reverted.
}

// New returns the members that a kernel has.
func New(kernel Kernel) *Members { return &Members{kernel: kernel} }

// List returns an entry for each address, with what remains of its life. Objects that only have DNS names are left out.
func (m *Members) List() (entries []table.Entry, err error) {
	sets, err := m.kernel.Sets(plan.Table, []string{ruleset.DynamicAddressPrefix})
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if !set.IsFilledByRules {
			continue
		}
		err := m.kernel.Elements(plan.Table, set, func(e nftables.Element) error {
			if address, ok := netip.AddrFromSlice(e.Key); ok {
				entries = append(entries, table.Entry{
					Key: member{objectOf(set.Name), address}.key(), Value: []byte(value), Life: e.Remaining,
				})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Update writes a batch: all of it, or nothing if it returns an error.
func (m *Members) Update(b table.Batch) error {
	if b.Replace {
		return fmt.Errorf("%w: replace would delete addresses that policies and other providers added; "+
			"put and delete addresses instead", table.ErrInvalid)
	}
	changes := make([]nftables.ElementChange, len(b.Changes))
	checked := map[string]bool{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, c := range b.Changes {
		owner, change, err := parseChange(c)
		if err == nil && !checked[change.Set] {
			err = m.check(owner)
		}
		if err != nil {
			return err
		}
		changes[i], checked[change.Set] = change, true
	}
	revert, err := m.inverse(changes)
	if err != nil {
		return err
	}
	refused, err := m.kernel.WriteElements(plan.Table, changes)
	for i, why := range refused {
		if why != nil && err == nil {
			err = explain(b.Changes[i].Key, why)
		}
	}
	if err != nil {
		_, failed := m.kernel.WriteElements(plan.Table, revert)
		return errors.Join(err, failed)
	}
	return nil
}

// check returns an error unless the document in force lets programs add addresses to an object.
func (m *Members) check(owner member) error {
	set, exists, err := m.kernel.Set(plan.Table, owner.set())
	switch {
	case err != nil:
		return err
	case !exists:
		return fmt.Errorf("%w: the document in force has no dynamic address object %s; correct the name, or add the "+
			"object with dynamic: true to the FirewallConfiguration", table.ErrInvalid, owner.object)
	case !set.IsFilledByRules:
		return fmt.Errorf("%w: the addresses of object %s are those of its DNS names; add dynamic: true to the object in "+
			"the FirewallConfiguration, or choose another object", table.ErrInvalid, owner.object)
	}
	return nil
}

// inverse returns the changes that revert others. The kernel makes a single change or refuses it, so that there is
// nothing to revert.
func (m *Members) inverse(changes []nftables.ElementChange) ([]nftables.ElementChange, error) {
	if len(changes) < 2 {
		return nil, nil
	}
	before := map[string]map[string]nftables.Element{}
	var revert []nftables.ElementChange
	for _, c := range changes {
		if before[c.Set] == nil {
			had := map[string]nftables.Element{}
			err := m.kernel.Elements(plan.Table, nftables.Set{Name: c.Set}, func(e nftables.Element) error {
				e.Key = slices.Clone(e.Key)
				had[string(e.Key)] = e
				return nil
			})
			if err != nil {
				return nil, err
			}
			before[c.Set] = had
		}
		if e, had := before[c.Set][string(c.Element.Key)]; had {
			revert = append(revert, nftables.ElementChange{Set: c.Set, Element: e})
		} else {
			revert = append(revert, nftables.ElementChange{Set: c.Set, Element: c.Element, IsDeletion: true})
		}
	}
	return revert, nil
}

// explain returns why the kernel refused an address.
func explain(key string, why error) error {
	owner, _ := parseKey(key) // It was parsed before.
	switch {
	case errors.Is(why, unix.ENFILE):
		return fmt.Errorf("%w: object %s has %d addresses of this family, and %s was not added; delete addresses that "+
			"are not needed, or give them a shorter life", table.ErrFull, owner.object, ruleset.MaxDynamicElements,
			owner.address)
	case errors.Is(why, unix.ENOENT):
		return fmt.Errorf("%w: a new document without the dynamic address object %s came into force; correct the name, or "+
			"add the object with dynamic: true to the FirewallConfiguration", table.ErrInvalid, owner.object)
	default:
		return fmt.Errorf("adding %s to object %s: %w; the sidecar needs NET_ADMIN for it", owner.address, owner.object, why)
	}
}
