package addresses

import (
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Verify checks that the unit holds virtual addresses: at least one network has a carrier, the virtual MAC, and an
// address that neighbours can use. What is wrong beyond that is a fault, which Keep reports. It must not keep the unit
// from serving what it can serve.
func (a *Addresses) Verify() error {
	table, err := a.Kernel.AddressTable()
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range a.Networks {
		if err = a.verify(n, table); err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *Addresses) verify(n Network, table []rtnetlink.Address) error {
	link, err := a.Kernel.Link(n.Interface)
	switch {
	case err != nil:
		return err
	case !link.Up:
		return fmt.Errorf("interface %s is down or has no carrier", n.Interface)
	case n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC != n.VirtualMAC:
		return fmt.Errorf("interface %s has MAC address %s instead of %s", n.Interface, link.MAC, n.VirtualMAC)
	}
	for _, present := range table {
		if present.Index == link.Index && n.has(present.Prefix.Addr()) && !present.Duplicate && !present.Detecting {
			return nil
		}
	}
	return fmt.Errorf("interface %s has none of its %d virtual addresses", n.Interface, len(n.Addresses))
}
