package rtnetlink

import (
	"errors"
	"net/netip"
)

// AddAddresses gives the interface the addresses that it does not have yet. Unlike SetAddresses it does not look first:
// one that is there is put in its own place, and a takeover waits for each question to the kernel.
func (c *Conn) AddAddresses(index int, wanted []netip.Prefix) error {
	var errs []error
	for _, a := range wanted {
		errs = append(errs, c.addAddress(index, a))
	}
	return errors.Join(errs...)
}
