package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// CreateHost creates a host's network namespace, plugs its cables into the switch, and adds addresses and routes.
func CreateHost(host layout.Host) error {
	if err := namespace.Create(host.Namespace()); err != nil {
		return err
	}
	if err := apply(host.Namespace(), hostSettings(host)...); err != nil {
		return err
	}
	for _, cable := range host.Cables {
		if err := connect(host, cable); err != nil {
			return err
		}
	}
	return withLinks(host.Namespace(), func(links *netlink.Handle) error {
		if err := bringUp(links, "lo"); err != nil {
			return err
		}
		return addRoutes(links, host)
	})
}

// DeleteHost removes the host's cables and the name of its namespace.
func DeleteHost(host layout.Host) error {
	var errs []error
	if namespace.Exists(layout.SwitchNamespace) {
		errs = append(errs, withLinks(layout.SwitchNamespace, func(links *netlink.Handle) error {
			for _, cable := range host.Cables {
				if err := deleteLink(links, host.Port(cable)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return errors.Join(append(errs, namespace.Delete(host.Namespace()))...)
}

func hostSettings(host layout.Host) []setting {
	// Addresses are static and unique, so there is no duplicate address detection and no router advertisements.
	settings := []setting{
		{path: "ipv6/conf/default/accept_dad", value: "0"},
		{path: "ipv6/conf/default/accept_ra", value: "0"},
	}
	if host.Router {
		settings = append(settings,
			setting{path: "ipv4/ip_forward", value: "1"}, setting{path: "ipv6/conf/all/forwarding", value: "1"})
	}
	if host.Worker() {
		settings = append(settings, setting{path: "ipv4/ip_forward", value: "1"})
		// A pod may reach its neighbour on the same bridge through a Service. The answer must pass the translation too.
		settings = append(settings, bridgeFilter("1")[0])
	}
	return settings
}

// addRoutes adds the host's default routes and, on a node, the routes to the pods of all other nodes.
func addRoutes(links *netlink.Handle, host layout.Host) error {
	for _, gateway := range host.Gateways {
		if err := links.RouteReplace(&netlink.Route{Gw: gateway.AsSlice()}); err != nil {
			return fmt.Errorf("adding default route of %s via %s: %w", host.Name, gateway, err)
		}
	}
	if !host.Node {
		return nil
	}
	for _, worker := range layout.Workers() {
		if worker.Name == host.Name {
			continue
		}
		route := &netlink.Route{Dst: ipNet(worker.PodSubnet), Gw: worker.Address().AsSlice()}
		if err := links.RouteReplace(route); err != nil {
			return fmt.Errorf("adding route of %s to the pods of %s: %w", host.Name, worker.Name, err)
		}
	}
	return nil
}

func bringUp(links *netlink.Handle, name string) error {
	link, err := links.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding interface %s: %w", name, err)
	}
	if err := links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing interface %s up: %w", name, err)
	}
	return nil
}

// deleteLink removes an interface, and the other end of a pair.
func deleteLink(links *netlink.Handle, name string) error {
	link, err := links.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding port %s: %w", name, err)
	}
	if err := links.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("removing port %s: %w", name, err)
	}
	return nil
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP:   prefix.Addr().AsSlice(),
		Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}
}
