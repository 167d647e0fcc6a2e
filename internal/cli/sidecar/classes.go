package sidecar

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
)

// openClasses makes the classes that the settings choose and those that are always replicated. The caller calls
// closeAll once no engine uses them any more.
func openClasses(
	pair contract.Settings, own *own.Addresses, catalogue state.Catalogue, factories []class.Factory,
) (classes []class.Class, closeAll func() error, err error) {
	chosen := map[state.Class]contract.SyncClass{}
	var replicated []state.Class
	for _, c := range pair.Sync.Classes {
		row, err := catalogue.Select(c.Name)
		if err != nil {
			return nil, nil, err
		}
		chosen[row.ID] = c
		replicated = append(replicated, row.ID)
	}
	for _, factory := range factories {
		row, _ := catalogue.Row(factory.ID)
		settings, isChosen := chosen[factory.ID]
		if !isChosen && row.Default != state.Always {
			continue
		}
		c, err := factory.New(class.Options{
			Own: own, Interfaces: interfacesOf(pair), Replicated: replicated,
			HasTunnels: pair.VPN, Document: settings.Options,
		})
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("opening class %s: %w", row.Name, err), closing(classes)())
		}
		c.Weight = cmp.Or(int(settings.Weight), row.Weight)
		classes = append(classes, c)
		delete(chosen, factory.ID)
	}
	for _, c := range chosen {
		return nil, nil, errors.Join(fmt.Errorf("class %s is not built in", c.Name), closing(classes)())
	}
	return classes, closing(classes), nil
}

// namesOf returns the names of classes.
func namesOf(classes []class.Class) []string {
	names := make([]string, 0, len(classes))
	for _, c := range classes {
		names = append(names, c.ID.String())
	}
	return names
}

// interfacesOf returns the traffic interfaces of the unit.
func interfacesOf(pair contract.Settings) []string {
	interfaces := make([]string, 0, len(pair.Networks))
	for _, n := range pair.Networks {
		interfaces = append(interfaces, n.Interface)
	}
	return interfaces
}

// closing returns a function that closes classes.
func closing(classes []class.Class) func() error {
	return func() error {
		var errs []error
		for _, c := range classes {
			if c.Close != nil {
				errs = append(errs, c.Close())
			}
		}
		return errors.Join(errs...)
	}
}

// ownAddresses returns the addresses whose connections are not replicated. They are first read when a class is opened.
func ownAddresses(pair contract.Settings) *own.Addresses {
	return own.New(own.Config{
		Virtual: virtualAddresses(pair), Read: own.OfInterfaces, Follow: rtnetlink.FollowAddresses,
	})
}

// virtualAddresses returns all addresses that the pair shares.
func virtualAddresses(pair contract.Settings) []netip.Addr {
	var addresses []netip.Addr
	for _, n := range pair.Networks {
		for _, a := range n.VirtualAddresses {
			addresses = append(addresses, a.Addr())
		}
	}
	return addresses
}
