package addresses

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// inspect compares the host with what Set has left, and repairs it.
func (a *Addresses) inspect() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.decided {
		return
	}
	table, err := a.Kernel.AddressTable()
	if err != nil {
		a.Log.Error(err, "Inspecting the virtual addresses")
		return
	}
	now := time.Now()
	forwardsIPv6 := sync.OnceValues(a.Kernel.ForwardsIPv6)
	for _, n := range a.Networks {
		a.eitherRole[n.Interface] = a.inspectInEitherRole(n, table, forwardsIPv6, now)
	}
	if a.spell == nil {
		a.keepWithdrawn(table, now)
		return
	}
	if a.Permitted() { // Otherwise a withdrawal follows.
		a.keepAttached(table, now)
	}
}

// inspectInEitherRole keeps the unit's own addresses of a network, and returns what is wrong whether the unit is active
// or not.
func (a *Addresses) inspectInEitherRole(
	n Network, table []rtnetlink.Address, forwardsIPv6 func() (bool, error), now time.Time,
) error {
	link, err := a.Kernel.Link(n.Interface)
	if err != nil {
		return nil // It is a fault already.
	}
	return errors.Join(a.keepOwn(n, link, table, now), checkForwarding(n, link, forwardsIPv6))
}

// checkForwarding returns an error if the kernel forwards no IPv6 packet of a network that has IPv6 addresses.
func checkForwarding(n Network, link rtnetlink.Link, forwardsIPv6 func() (bool, error)) error {
	if !link.IPv6 || !slices.ContainsFunc(n.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		return nil
	}
	forwards, err := forwardsIPv6()
	if err == nil && !forwards {
		err = fmt.Errorf("the kernel forwards no IPv6 from interface %s: set net.ipv6.conf.all.forwarding to 1 in the "+
			"unit's network namespace, or delete its pod", n.Interface)
	}
	return err
}

// flaw is what is wrong with one network.
type flaw struct {
	network Network
	link    rtnetlink.Link
	// excess are addresses that the interface must not have in this form, and missing are those that it lacks.
	excess  []rtnetlink.Address
	missing []netip.Prefix
	// mac is set when the interface does not have the virtual MAC.
	mac bool
	// unseen is set when neighbours may have missed where the addresses are: the interface was replaced, its MAC changed,
	// or it has its carrier again.
	unseen bool
}

func (f flaw) needsRepair() bool { return f.mac || len(f.excess) > 0 || len(f.missing) > 0 }

// keepAttached puts back what is missing, and announces it.
func (a *Addresses) keepAttached(table []rtnetlink.Address, now time.Time) {
	var told []Network
	for _, n := range a.Networks {
		link, err := a.Kernel.Link(n.Interface)
		if err != nil {
			a.setFault(n, fault{visible: explainLink(n.Interface, err)})
			continue
		}
		f := a.findFlaw(n, link, table)
		if a.paces.allow(n, f.needsRepair(), now) && a.repair(f, table, now) {
			told = append(told, n)
		}
	}
	if len(told) == 0 {
		return
	}
	if err := a.announce(told); err != nil {
		a.Log.Error(err, "Announcing what was put back")
	}
}

// findFlaw compares an interface with what it should have.
func (a *Addresses) findFlaw(n Network, link rtnetlink.Link, table []rtnetlink.Address) flaw {
	f := flaw{network: n, link: link, mac: n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC != n.VirtualMAC}
	var good []netip.Prefix
	for _, present := range a.virtualOn(link.Index, n, table) {
		switch {
		case !slices.Contains(n.Addresses, present.Prefix), present.Remote, present.Duplicate,
			// A route to the segment must not be in the main table. Without a carrier no address is usable anyway.
			present.Routed, present.Detecting && link.Up:
			f.excess = append(f.excess, present)
		case present.Lasting:
			good = append(good, present.Prefix)
		}
	}
	for _, wanted := range n.possible(link, n.Addresses) {
		if !slices.Contains(good, wanted) {
			f.missing = append(f.missing, wanted)
		}
	}
	before := a.links[n.Interface]
	f.unseen = before.Index != link.Index || before.MAC != link.MAC || link.Up && !before.Up
	return f
}

// repair removes, adds and records. It reports whether the neighbours should be told.
func (a *Addresses) repair(f flaw, table []rtnetlink.Address, now time.Time) (tell bool) {
	n := f.network
	if former, known := a.links[n.Interface]; known && former.Index != f.link.Index {
		if err := a.abandon(former, n, table); err != nil {
			a.Log.Error(err, "Removing virtual addresses from an interface that was renamed", "interface", former.Index)
		}
	}
	if !f.needsRepair() {
		a.links[n.Interface] = f.link
		a.setFault(n, fault{visible: errors.Join(n.obstacle(f.link), a.paces.fight(n, now))})
		return f.unseen
	}
	removed := a.Kernel.RemoveAddresses(f.excess)
	held, found := a.attachTo(f.link, n, f.missing)
	found.refused = errors.Join(removed, found.refused)
	found.visible = errors.Join(found.visible, a.paces.fight(n, now))
	if a.setFault(n, found) || found.err() == nil {
		a.Log.Info("Putting back virtual addresses", "interface", n.Interface, "missing", f.missing,
			"removed", len(f.excess), "virtualMAC", f.mac, "failed", found.err() != nil)
	}
	return held > 0 || f.mac && a.links[n.Interface].MAC == n.VirtualMAC || f.unseen
}

// setFault records a fault, logs it when it is new, and reports whether it changed.
func (a *Addresses) setFault(n Network, f fault) (changed bool) {
	before, now := a.faults[n.Interface].err(), f.err()
	a.faults[n.Interface] = f
	if text(before) == text(now) {
		return false
	}
	if now != nil {
		a.Log.Error(now, "Keeping the virtual addresses of a network failed, trying again", "interface", n.Interface)
	}
	return true
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// keepWithdrawn removes what somebody has added, and sees whether the unit could hold the addresses.
func (a *Addresses) keepWithdrawn(table []rtnetlink.Address, now time.Time) {
	var restored []Network
	for _, n := range a.Networks {
		link, err := a.Kernel.Link(n.Interface)
		visible := explainLink(n.Interface, err)
		if err == nil {
			visible = n.obstacle(link)
		}
		a.faults.see(n.Interface, errors.Join(visible, a.paces.fight(n, now)), now)
		wrong := a.needsWithdrawal(n, link, err, table)
		switch {
		case !a.paces.allow(n, wrong, now):
		case wrong:
			if a.withdrawAgain(n, table) {
				restored = append(restored, n)
			}
		case err == nil && a.links[n.Interface] != link:
			a.keep(a.own(link, n), n)
			a.links[n.Interface] = link
		}
	}
	if len(restored) > 0 {
		a.stopAnnouncing()
		a.announceOwn(restored)
	}
}

// needsWithdrawal reports whether an interface has something virtual, or had it when it lost its name.
func (a *Addresses) needsWithdrawal(n Network, link rtnetlink.Link, err error, table []rtnetlink.Address) bool {
	former, known := a.links[n.Interface]
	switch {
	case errors.Is(err, unix.ENODEV):
		return known
	case err != nil:
		return false
	default:
		return known && former.Index != link.Index || len(a.virtualOn(link.Index, n, table)) > 0 ||
			n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC == n.VirtualMAC
	}
}

// withdrawAgain removes virtual addresses and the virtual MAC from an interface. It reports whether the interface had
// the virtual MAC.
func (a *Addresses) withdrawAgain(n Network, table []rtnetlink.Address) (restored bool) {
	removed, restored, err := a.withdraw(n, table)
	if err != nil {
		a.Log.Error(err, "Removing virtual addresses of a unit that is not active", "interface", n.Interface)
	}
	if removed > 0 || restored {
		a.Log.Info("Removed virtual addresses that somebody added to a unit that is not active",
			"interface", n.Interface, "addresses", removed, "virtualMAC", restored)
	}
	return restored
}
