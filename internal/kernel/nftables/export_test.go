package nftables

import "github.com/mdlayher/netlink"

// ElementsOnce returns the elements of a set in the kernel's first answer.
func (k Kernel) ElementsOnce(table string, s Set) (all map[string]Element, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		all, err = listed{conn: conn, table: table, name: s.Name, timeout: s.Timeout}.list()
		return err
	})
	return all, err
}

// IgnoreRenewals makes a kernel write elements as one before Linux 6.12.
func (k Kernel) IgnoreRenewals() { k.socket.renewal = renewalIgnored }

// RenewsInPlace reports whether a trial found that the kernel renews elements in place.
func (k Kernel) RenewsInPlace() bool { return k.socket.renewal == renewalInPlace }
