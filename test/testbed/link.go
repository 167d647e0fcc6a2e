package testbed

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// Link is a network interface inside a namespace.
type Link struct {
	t         testing.TB
	namespace *Namespace
	name      string
}

// Link names an interface of the namespace.
func (n *Namespace) Link(t testing.TB, name string) Link { return Link{t: t, namespace: n, name: name} }

// change runs f with the interface, inside its namespace.
func (l Link) change(what string, f func(netlink.Link) error) Link {
	l.t.Helper()
	err := l.namespace.Do(func() error {
		link, err := netlink.LinkByName(l.name)
		if err != nil {
			return err
		}
		return f(link)
	})
	if err != nil {
		l.t.Fatalf("%s of %s in %s: %v", what, l.name, l.namespace.Name, err)
	}
	return l
}

// Up sets the interface up.
func (l Link) Up() Link {
	l.t.Helper()
	return l.change("setting up", netlink.LinkSetUp)
}

// Down sets the interface down, like a pulled cable.
func (l Link) Down() Link {
	l.t.Helper()
	return l.change("setting down", netlink.LinkSetDown)
}

// InSegments disables segmentation by the interface, so that its counters include the headers of every segment, as on a
// real link.
func (l Link) InSegments() Link {
	l.t.Helper()
	return l.change("forbidding segmentation", func(link netlink.Link) error {
		return netlink.LinkSetGSOMaxSegs(link, 1)
	})
}

// Delete removes the interface, and the one at the other end of its cable.
func (l Link) Delete() {
	l.t.Helper()
	l.change("deleting", netlink.LinkDel)
}

// Address adds an address. IPv6 addresses are usable at once, without duplicate address detection.
func (l Link) Address(prefix string) Link {
	l.t.Helper()
	return l.change("adding an address", func(link netlink.Link) error {
		return netlink.AddrReplace(link, address(prefix))
	})
}

// WithoutAddress removes an address.
func (l Link) WithoutAddress(prefix string) Link {
	l.t.Helper()
	return l.change("removing an address", func(link netlink.Link) error {
		return netlink.AddrDel(link, address(prefix))
	})
}

const noDuplicateDetection = 0x02 // IFA_F_NODAD

func address(prefix string) *netlink.Addr {
	p := netip.MustParsePrefix(prefix)
	ip := net.IP(p.Addr().AsSlice())
	a := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if p.Addr().Is6() {
		a.Flags = noDuplicateDetection
	}
	return a
}

// Route adds a default route to a gateway.
func (l Link) Route(gateway string) Link {
	l.t.Helper()
	return l.change("adding a route", func(link netlink.Link) error {
		return netlink.RouteReplace(&netlink.Route{
			LinkIndex: link.Attrs().Index,
			Dst:       defaultRoute(netip.MustParseAddr(gateway)),
			Gw:        net.ParseIP(gateway),
		})
	})
}

func defaultRoute(gateway netip.Addr) *net.IPNet {
	return &net.IPNet{IP: make(net.IP, gateway.BitLen()/8), Mask: net.CIDRMask(0, gateway.BitLen())}
}

// Index returns the interface's index.
func (l Link) Index() int {
	l.t.Helper()
	return l.attributes().Index
}

// MAC returns the interface's hardware address.
func (l Link) MAC() net.HardwareAddr {
	l.t.Helper()
	return l.attributes().HardwareAddr
}

func (l Link) attributes() (a *netlink.LinkAttrs) {
	l.t.Helper()
	l.change("reading the attributes", func(link netlink.Link) error {
		a = link.Attrs()
		return nil
	})
	return a
}

// Wire creates a cable between interfaces of two namespaces. If one is the test's own, it must be the first, and the
// cable ends with the test.
func Wire(t testing.TB, a *Namespace, aName string, b *Namespace, bName string) {
	t.Helper()
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: aName}, PeerName: bName}
	if !b.own {
		cable.PeerNamespace = netlink.NsFd(b.handle)
	}
	err := a.Do(func() error { return netlink.LinkAdd(cable) })
	if err != nil {
		t.Fatalf("wiring %s of %s to %s of %s: %v", aName, a.Name, bName, b.Name, err)
	}
	if a.own {
		t.Cleanup(func() { a.unplug(t, aName) })
	}
	a.Link(t, aName).Up()
	b.Link(t, bName).Up()
}

// Bridge creates a switch inside the namespace.
func (n *Namespace) Bridge(t testing.TB, name string) {
	t.Helper()
	err := n.Do(func() error {
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}})
	})
	if err != nil {
		t.Fatalf("making bridge %s in %s: %v", name, n.Name, err)
	}
	n.Link(t, name).Up()
}

// Plug connects an interface of another namespace to a bridge of this one. The cable is removed when the test ends. A
// namespace with a full connection table takes a while to disappear, and would answer for its addresses until then.
func (n *Namespace) Plug(t testing.TB, bridge string, host *Namespace, hostInterface, port string) {
	t.Helper()
	Wire(t, host, hostInterface, n, port)
	err := n.Do(func() error {
		master, err := netlink.LinkByName(bridge)
		if err != nil {
			return err
		}
		link, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		return netlink.LinkSetMaster(link, master)
	})
	if err != nil {
		t.Fatalf("plugging %s of %s into %s: %v", hostInterface, host.Name, bridge, err)
	}
	t.Cleanup(func() { n.unplug(t, port) })
}

// unplug removes an interface, unless the test has removed it.
func (n *Namespace) unplug(t testing.TB, port string) {
	err := n.Do(func() error {
		link, err := netlink.LinkByName(port)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		}
		if err != nil {
			return err
		}
		return netlink.LinkDel(link)
	})
	if err != nil {
		t.Errorf("unplugging %s of %s: %v", port, n.Name, err)
	}
}

// Adopt moves an interface of this process's namespace into the namespace and renames it.
func (n *Namespace) Adopt(t testing.TB, name, renamed string) Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetNsFd(link, int(n.handle))
	}
	if err != nil {
		t.Fatalf("moving %s to %s: %v", name, n.Name, err)
	}
	l := n.Link(t, name).change("renaming", func(link netlink.Link) error { return netlink.LinkSetName(link, renamed) })
	l.name = renamed
	return l.Up()
}
