package addresses

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// refusalLasts is how long a unit that lost the role remembers what its kernel refused. Nothing but another attempt
	// shows whether the kernel still refuses it. A unit that forgot at once would get the role back, and lose it again.
	refusalLasts = 10 * time.Minute
	// maxNamed bounds how many addresses a fault names.
	maxNamed = 3
)

// State is how well the unit holds the virtual addresses of one network while it is active. While it is not, it is how
// well the unit could hold them.
type State struct {
	Interface string
	// Fault is what the unit cannot hold, why, and what to do; empty without a fault.
	Fault string
}

// fault is what a unit cannot hold of one network.
type fault struct {
	// visible is what the interface shows, whether the unit is active or not.
	visible error
	// refused is what the kernel refused when it was tried.
	refused error
	// forgetAt is when refused is forgotten; zero while the addresses are attached.
	forgetAt time.Time
}

func (f fault) err() error { return errors.Join(f.visible, f.refused) }

// faults are the faults by interface.
type faults map[string]fault

// leave records that the addresses were withdrawn.
func (all faults) leave(now time.Time) {
	for name, f := range all {
		if f.forgetAt.IsZero() {
			f.forgetAt = now.Add(refusalLasts)
		}
		all[name] = f
	}
}

// see records what the interface of a unit that is not active shows.
func (all faults) see(name string, visible error, now time.Time) {
	f := all[name]
	f.visible = visible
	if !now.Before(f.forgetAt) {
		f.refused = nil
	}
	all[name] = f
}

// states returns the states of all networks, in their order.
func (a *Addresses) states() []State {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]State, 0, len(a.Networks))
	for _, n := range a.Networks {
		s := State{Interface: n.Interface}
		if err := errors.Join(a.faults[n.Interface].err(), a.eitherRole[n.Interface]); err != nil {
			s.Fault = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		all = append(all, s)
	}
	return all
}

// explainLink returns why an interface that could not be looked up has no addresses; nil without an error.
func explainLink(name string, err error) error {
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("interface %s is gone: %w", name, err)
	}
	return err
}

// explainRefused returns which addresses the kernel refused, and why; nil without any.
func explainRefused(link rtnetlink.Link, refused []rtnetlink.Refused) error {
	errs := make([]error, 0, maxNamed+1)
	for i, r := range refused {
		if i == maxNamed {
			errs = append(errs, fmt.Errorf("and %d other addresses", len(refused)-maxNamed))
			break
		}
		errs = append(errs, fmt.Errorf("the kernel refuses %s on interface %s: %w", r.Prefix, link.Name, r.Err))
	}
	return errors.Join(errs...)
}

// obstacle returns what the interface shows that keeps it from having all addresses of the network.
func (n Network) obstacle(link rtnetlink.Link) error {
	possible := n.possible(link, n.Addresses)
	if len(possible) == len(n.Addresses) {
		return nil
	}
	first := slices.IndexFunc(n.Addresses, func(a netip.Prefix) bool { return a.Addr().Is6() })
	return fmt.Errorf("interface %s has no IPv6, so %d of its virtual addresses cannot be attached, the first is %s: "+
		"set net.ipv6.conf.%s.disable_ipv6 to 0 and the MTU to 1280 or more",
		link.Name, len(n.Addresses)-len(possible), n.Addresses[first], link.Name)
}

// possible returns those of the addresses that the interface can have.
func (n Network) possible(link rtnetlink.Link, all []netip.Prefix) []netip.Prefix {
	if link.IPv6 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(a netip.Prefix) bool { return a.Addr().Is6() })
}
