package gate

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// newPlanes makes routers that differ in the data plane and source validation. Both have the default firewall and an
// open gate, as every unit has.
func newPlanes(t testing.TB, separated int) *bed {
	t.Helper()
	b := newHosts(t, separated)
	for lane := range lanes {
		router := b.addLane(lane)
		if lane == separated {
			b.separate(router, lane)
			b.protect(router, validated)
		} else {
			b.protect(router, unvalidated)
		}
		b.open(router, lane == separated)
	}
	return b
}

// unvalidated returns the ruleset without what packets pass before connection tracking: neither is their source
// checked, nor are they marked for the data plane's table.
func unvalidated() (ruleset.Ruleset, error) {
	r, err := validated()
	r.Chains = slices.DeleteFunc(r.Chains, func(c ruleset.Chain) bool { return c.Hook != nil && c.Hook.Raw })
	return r, err
}

// separate gives a router the routes and rules of a unit.
func (b *bed) separate(router *testbed.Namespace, lane int) {
	b.t.Helper()
	err := router.Do(func() error {
		kernel, err := rtnetlink.Dial()
		if err != nil {
			return err
		}
		defer func() { _ = kernel.Close() }()
		var networks []dataplane.Network
		for side, name := range map[int]string{1: "lan", 2: "wan"} {
			address := netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.1/24", side, lane))
			networks = append(networks, dataplane.Network{Interface: name, Addresses: []netip.Prefix{address}})
		}
		return dataplane.New(dataplane.Options{
			Networks: networks, Required: []uint32{contract.DataPlaneMark}, Kernel: kernel, Log: logr.Discard(),
		}).Set()
	})
	if err != nil {
		b.t.Fatalf("Separating the planes of a router: %v", err)
	}
}
