package cluster

import (
	"fmt"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
)

// Cut separates two nodes on the node network, like a broken path between them. Both keep their carrier and reach all
// other nodes. It survives power cuts, and holds until Heal.
func (c *Cluster) Cut(a, b string) error {
	if err := c.forCut(a, b); err != nil {
		return err
	}
	return network.AddCut(a, b)
}

// Heal removes one cut.
func (c *Cluster) Heal(a, b string) error {
	if err := c.forCut(a, b); err != nil {
		return err
	}
	return network.RemoveCut(a, b)
}

// HealAll removes every cut.
func (c *Cluster) HealAll() error {
	if err := requireRoot(); err != nil {
		return err
	}
	if err := c.requireUp(); err != nil {
		return err
	}
	return network.RemoveCuts()
}

// Unplug pulls one cable of a host: the interface loses its carrier. It holds until Plug, or until the node is powered
// on again.
func (c *Cluster) Unplug(host, iface string) error { return c.setCable(host, iface, network.Unplug) }

// Plug plugs a cable in again. The kernel takes up to a second to detect the carrier.
func (c *Cluster) Plug(host, iface string) error { return c.setCable(host, iface, network.Plug) }

func (c *Cluster) forCut(a, b string) error {
	for _, name := range []string{a, b} {
		if _, err := layout.FindNode(name); err != nil {
			return err
		}
	}
	if a == b {
		return fmt.Errorf("%s cannot be cut off from itself: name two nodes", a)
	}
	if err := requireRoot(); err != nil {
		return err
	}
	return c.requireUp()
}

func (c *Cluster) setCable(name, iface string, set func(layout.Host, layout.Cable) error) error {
	host, err := layout.FindHost(name)
	if err != nil {
		return err
	}
	cable, err := host.Cable(iface)
	if err != nil {
		return err
	}
	if _, err := c.findOn(name); err != nil {
		return err
	}
	return set(host, cable)
}
