package network

import (
	"fmt"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// CreateSwitch creates the switch: a namespace with one bridge per segment, and the table of cuts.
func CreateSwitch() error {
	if err := namespace.Create(layout.SwitchNamespace); err != nil {
		return err
	}
	// A switch neither filters nor speaks IP.
	settings := append(bridgeFilter("0"), setting{path: "ipv6/conf/default/disable_ipv6", value: "1"})
	if err := apply(layout.SwitchNamespace, settings...); err != nil {
		return err
	}
	if err := withLinks(layout.SwitchNamespace, createBridges); err != nil {
		return err
	}
	return createCuts()
}

func createBridges(links *netlink.Handle) error {
	for _, segment := range layout.Segments() {
		if _, err := links.LinkByName(segment); err == nil {
			continue
		}
		attributes := netlink.NewLinkAttrs()
		attributes.Name = segment
		// Snooping without a querier loses its members, and then drops neighbour solicitations.
		snooping := false
		if err := links.LinkAdd(&netlink.Bridge{LinkAttrs: attributes, MulticastSnooping: &snooping}); err != nil {
			return fmt.Errorf("creating segment %s: %w", segment, err)
		}
		bridge, err := links.LinkByName(segment)
		if err != nil {
			return fmt.Errorf("finding segment %s: %w", segment, err)
		}
		if err := links.LinkSetUp(bridge); err != nil {
			return fmt.Errorf("bringing segment %s up: %w", segment, err)
		}
	}
	return nil
}
