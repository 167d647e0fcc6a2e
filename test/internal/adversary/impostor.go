package adversary

import (
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/test/namespace"
)

// Impersonate gives an interface of a host addresses that belong to others, which the host's kernel then answers for.
// The returned function takes them away again.
func Impersonate(path, ifname string, addresses []netip.Addr) (restore func() error, err error) {
	each := func(act func(netlink.Link, *netlink.Addr) error) error {
		return namespace.Do(path, func() error {
			link, err := netlink.LinkByName(ifname)
			for _, a := range addresses {
				if err != nil {
					break
				}
				one, parseErr := netlink.ParseAddr(netip.PrefixFrom(a, a.BitLen()).String())
				if parseErr != nil {
					return parseErr
				}
				err = act(link, one)
			}
			return err
		})
	}
	remove := func() error { return each(netlink.AddrDel) }
	if err := each(netlink.AddrReplace); err != nil {
		return nil, errors.Join(err, remove())
	}
	return remove, nil
}
