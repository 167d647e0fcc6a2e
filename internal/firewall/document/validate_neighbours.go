package document

import (
	"net/netip"
	"slices"
)

// neighbourKey is what at most one neighbour may have.
type neighbourKey struct {
	device  string
	address netip.Addr
	publish bool
}

func (c *checker) checkNeighbours() {
	entries, all := c.document.Neighbours, spec.field("neighbours")
	c.checkCount(all, len(entries), maxNeighbours)
	first := map[neighbourKey]int{}
	for i, n := range entries {
		at := all.index(i)
		c.checkNeighbour(at, n)
		key := neighbourKey{n.Interface, n.Address, n.Publish}
		if earlier, taken := first[key]; taken {
			c.problems.add(at.field("address"), "entry %d has %s on %s already; keep one of them",
				earlier, n.Address, n.Interface)
			continue
		}
		first[key] = i
	}
}

func (c *checker) checkNeighbour(at path, n Neighbour) {
	c.checkRouteInterface(at.field("interface"), n.Interface)
	switch isVirtual := func(w Network) bool {
		return slices.ContainsFunc(w.Addresses, func(p netip.Prefix) bool { return p.Addr() == n.Address })
	}; {
	case !n.Address.IsValid():
	case !isRouter(n.Address):
		c.problems.add(at.field("address"), "%s is not the address of a host; give a unicast address that is neither "+
			"loopback nor unspecified", n.Address)
	case slices.ContainsFunc(c.networks, isVirtual):
		c.problems.add(at.field("address"), "%s is a virtual address of the pair, which the active unit itself has; "+
			"remove the entry", n.Address)
	}
	switch {
	case n.MAC == "" && !n.Publish:
		c.problems.add(at, "mac or publish must be set: the MAC address of the host, or that the unit answers for it")
	case n.MAC != "" && n.Publish:
		c.problems.add(at.field("mac"), "is not used with publish, since the unit answers with the MAC address of the "+
			"interface; remove one")
	case n.MAC != "" && !n.MAC.isUnicast():
		c.problems.add(at.field("mac"), "%q is not a unicast MAC address, as in 02:00:5e:10:00:77", n.MAC)
	}
}
