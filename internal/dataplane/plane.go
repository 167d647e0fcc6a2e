package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Network is one traffic interface with its virtual addresses.
type Network struct {
	Interface string
	Addresses []netip.Prefix
}

// Kernel has the routes and rules.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	AddressTable() ([]rtnetlink.Address, error)
	RemoveAddresses(all []rtnetlink.Address) error
	Routes() ([]rtnetlink.Route, error)
	SetRoutes(table uint32, protocol uint8, wanted []rtnetlink.Route) (changed bool, err error)
	RemoveRoutes(routes []rtnetlink.Route) (removed []rtnetlink.Route, err error)
	SetRules(protocol uint8, wanted []rtnetlink.Rule) (changed bool, err error)
	AddRules(protocol uint8, wanted []rtnetlink.Rule) (changed bool, err error)
	Rules() ([]rtnetlink.Rule, error)
	RemoveRules(rules []rtnetlink.Rule) (removed []rtnetlink.Rule, err error)
	LeaveMaster(index int) error
	EnableResolution(index int) error
	EnableMulticast(index int) error
	SetMTU(index, mtu int) error
}

// Policies lists the IPsec policies that only drop packets.
type Policies interface{ Blocking() ([]string, error) }

// Options are the settings of the data plane.
type Options struct {
	Networks []Network
	// Required are bits of marks. The kernel forwards a packet that arrives at a traffic interface only if each of them is
	// set. So if the ruleset that sets them is removed, nothing is forwarded, before any process learns of it.
	Required []uint32
	// Shared is set if a firewall of a third party may have routes and rules of its own in the data plane.
	Shared bool
	// DynamicRouting is set if the units have routing daemons. What they learn stays in the data plane's table.
	DynamicRouting bool
	Kernel         Kernel
	// Policies may be nil: then nobody looks for such policies.
	Policies Policies
	// Settings is the directory of the kernel's settings, /proc/sys; empty if they are not to be read.
	Settings string
	Metrics  *Metrics
	Log      logr.Logger
}

// Plane is the data plane's table and rules of one unit.
type Plane struct {
	Options

	// mu is held while something is set.
	mu sync.Mutex
	// adopted are the routes that came with the attachments; nil before the first Set.
	adopted map[adoptedRoute]bool
	// undelivered are the addresses without a local route, and when each was first seen so.
	undelivered map[place]time.Time
	// baselines are what the interfaces had when they last met the demands, by name.
	baselines map[string]*baseline
	// intrusions are what was undone, and logged is when that was logged last.
	intrusions intrusions
	logged     time.Time
}

// New returns the data plane. It changes nothing before the first Set.
func New(o Options) *Plane { return &Plane{Options: o, baselines: map[string]*baseline{}} }

// Set sets all rules and routes. Repeating it is harmless. It continues after an error, so that one route that the
// kernel refuses does not stop the others, and returns what is not as it should be.
func (p *Plane) Set() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed, err := p.set()
	if changed {
		p.Log.Info("Set routes and rules of the data plane", "table", contract.DataPlaneTable)
	}
	return err
}

func (p *Plane) set() (changed bool, err error) {
	h, err := p.look()
	if err != nil {
		return false, err
	}
	if p.adopted == nil {
		p.adopted = map[adoptedRoute]bool{}
		for _, r := range h.inherited() {
			p.adopted[r] = true
		}
	}
	// The rules come first: with them, nothing of the data plane uses what is still in the main table.
	names := make([]string, len(p.Networks))
	for n, network := range p.Networks {
		names[n] = network.Interface
	}
	rulesChanged, err := p.Kernel.SetRules(contract.ConnectedProtocol, rules(names, h.control(), p.Required))
	restored, kernelErr := p.Kernel.AddRules(protocolKernel, kernelRules())
	errs := []error{err, kernelErr, p.removeForeign(h)}
	repaired, err := p.meetDemands(h)
	p.note(kindInterface, repaired)
	errs = append(errs, err, p.findObstacles())
	misplaced := h.misplaced()
	for _, r := range misplaced.adopted {
		p.adopted[r] = true
	}
	routesChanged, err := p.Kernel.SetRoutes(contract.DataPlaneTable, contract.ConnectedProtocol, p.wanted(h))
	moved, removeErr := p.Kernel.RemoveRoutes(misplaced.removed)
	errs = append(errs, err, removeErr, p.forget(h.learned()), p.replaceUndelivered(h.undelivered()))
	return rulesChanged || restored || routesChanged || len(moved) > 0, errors.Join(errs...)
}

// removeForeign removes routes and rules of other programs from the data plane.
func (p *Plane) removeForeign(h host) error {
	if p.Shared {
		return nil
	}
	present, err := p.Kernel.Rules()
	if err != nil {
		return err
	}
	rules, ruleErr := p.Kernel.RemoveRules(foreignRules(present))
	routes, routeErr := p.Kernel.RemoveRoutes(h.foreignRoutes(p.DynamicRouting))
	p.note(kindRule, texts(rules))
	p.note(kindRoute, texts(routes))
	return errors.Join(ruleErr, routeErr)
}

// disturbance returns what other programs do again and again; empty if they do not.
func (p *Plane) disturbance() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.intrusions.fault(time.Now())
}

// wanted returns all routes of the table, those of interfaces that are up.
func (p *Plane) wanted(h host) []rtnetlink.Route {
	all := h.connected(p.Networks)
	for a := range p.adopted {
		if link := h.links[a.network]; link.Enabled {
			a.route.Interface = link.Index
			all = append(all, a.route)
		}
	}
	return all
}

// look reads what the kernel has.
func (p *Plane) look() (host, error) {
	h := host{links: make([]rtnetlink.Link, len(p.Networks))}
	var errs []error
	for n, network := range p.Networks {
		link, err := p.Kernel.Link(network.Interface)
		if err != nil && !errors.Is(err, unix.ENODEV) { // the monitors report one that is gone
			errs = append(errs, err)
		}
		h.links[n] = link
	}
	var err error
	if h.addresses, err = p.Kernel.AddressTable(); err != nil {
		errs = append(errs, err)
	}
	if h.routes, err = p.Kernel.Routes(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return host{}, fmt.Errorf("reading the routing of the unit: %w", err)
	}
	return h, nil
}

// forget removes addresses that were made from router advertisements.
func (p *Plane) forget(learned []rtnetlink.Address) error {
	for _, a := range learned {
		p.Log.Info("Removing an address that comes from a router advertisement", "address", a.Prefix)
	}
	return p.Kernel.RemoveAddresses(learned)
}
