package addresses

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// attachAll gives each interface its virtual MAC before its addresses. A neighbour that asks in between would learn the
// wrong MAC.
func (a *Addresses) attachAll() error {
	begins := a.spell == nil
	if begins {
		a.stopAnnouncing() // These announce the unit's own addresses, by its own MAC.
	} else {
		clear(a.links) // It is a repair, so nothing that is remembered is trusted.
	}
	attached := 0
	var errs []error
	for _, n := range a.Networks {
		held, f := a.attach(n)
		attached += held
		a.faults[n.Interface] = f
		if err := f.err(); err != nil {
			errs = append(errs, fmt.Errorf("attaching virtual addresses of %s: %w", n.Interface, err))
		}
	}
	if begins {
		a.spell = make(chan struct{})
		a.attaching.Notify()
	}
	err := errors.Join(errs...)
	if err != nil && attached > 0 {
		a.Log.Error(err, "Attaching some of the virtual addresses failed, continuing with the others")
		return nil
	}
	return err
}

// attach uses the remembered interface first. If that fails, it looks the interface up, since it may have been replaced
// under its name. It returns how many addresses the interface has then, and what it cannot have.
func (a *Addresses) attach(n Network) (held int, f fault) {
	if link, known := a.links[n.Interface]; known {
		if held, f := a.attachTo(link, n, n.Addresses); f.err() == nil {
			return held, f
		}
	}
	link, err := a.Kernel.Link(n.Interface)
	if err != nil {
		return 0, fault{visible: explainLink(n.Interface, err)}
	}
	return a.attachTo(link, n, n.Addresses)
}

// attachTo attaches addresses of the network even if the virtual MAC is refused. The neighbours can learn the other
// MAC.
func (a *Addresses) attachTo(link rtnetlink.Link, n Network, wanted []netip.Prefix) (held int, f fault) {
	f.visible = n.obstacle(link)
	if n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC != n.VirtualMAC {
		a.keep(a.own(link, n), n)
		if f.refused = a.Kernel.SetMAC(link.Index, n.VirtualMAC); f.refused == nil {
			link.MAC = n.VirtualMAC
		}
	}
	possible := n.possible(link, wanted)
	refused := a.Kernel.AddAddresses(link.Index, possible)
	f.refused = errors.Join(f.refused, explainRefused(link, refused))
	a.links[n.Interface] = link
	return len(possible) - len(refused), f
}
