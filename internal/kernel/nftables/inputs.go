package nftables

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Inputs returns what a ruleset takes from the interfaces: the MTU of some, and the networks of others. Replace reads
// it, and Verify does.
func Inputs(r ruleset.Ruleset) map[string]string {
	inputs := map[string]string{}
	for _, m := range r.SegmentMaps {
		for _, i := range m.Interfaces {
			if i.MTU == 0 {
				inputs["MTU of "+i.Interface] = fmt.Sprint(mtuOf(i.Interface))
			}
		}
	}
	for _, s := range r.AddressSets {
		if s.NetworksOf != "" {
			inputs["networks of "+s.NetworksOf+" in "+s.Name] = fmt.Sprint(networksOf(s.NetworksOf, s.Family))
		}
	}
	return inputs
}

// runsOf returns the ranges of a set, with the networks of its interface.
func runsOf(s ruleset.AddressSet) []ruleset.AddressRun {
	if s.NetworksOf == "" {
		return s.Runs
	}
	return ruleset.MergeRuns(append(slices.Clip(s.Runs), networksOf(s.NetworksOf, s.Family)...))
}

// networksOf returns the networks of an interface in one family. It returns none if the interface does not exist.
// Link-local networks are those of each link. A shorter prefix than that of a specific route is no network of hosts.
func networksOf(name string, family ruleset.Family) (runs []ruleset.AddressRun) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	addresses, err := link.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Bits() < contract.SpecificBits || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		if run := ruleset.RunOf(prefix); ruleset.FamilyOf(run.First) == family {
			runs = append(runs, run)
		}
	}
	return ruleset.MergeRuns(runs)
}
