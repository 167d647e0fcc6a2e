//go:build netns

package dataplane

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// An address without a local route is there for everyone who looks, and the unit does not receive what is sent to it.
// It is removed, so that package addresses puts it back with its route. Other addresses stay.
func TestAddressWithoutALocalRouteIsRemoved(t *testing.T) {
	for line, lost := range map[string]string{
		"route delete local 192.168.50.1 dev lan table local": virtualLAN + "/24",
		"-6 route delete local fd50::1 dev lan table local":   virtualLAN6 + "/64",
		"-6 route delete local fd50::2 dev lan table local":   ownLAN6 + "/64",
	} {
		t.Run(line, func(t *testing.T) {
			b := newBed(t)
			faults := b.run()
			b.attach()
			before := b.addresses()
			// Duplicate detection ends, and the kernel sets the route.
			testbed.Eventually(t, line, func() bool { _, err := b.unit.Try("ip " + line); return err == nil })
			want := slices.DeleteFunc(slices.Clone(before), func(p netip.Prefix) bool { return p == prefix(lost) })
			testbed.Eventually(t, lost+" alone is removed", func() bool { return slices.Equal(b.addresses(), want) })
			link, err := b.kernel.Link("lan")
			if err != nil {
				t.Fatal(err)
			}
			if refused := b.kernel.AddAddresses(link.Index, []netip.Prefix{prefix(lost)}); len(refused) > 0 {
				t.Fatal(refused)
			}
			testbed.Pause(t, 2*settling6)
			if got := b.addresses(); !slices.Equal(got, before) {
				t.Errorf("the unit has %v, want %v", got, before)
			}
			b.expectNoFault(faults)
		})
	}
}

// addresses returns the addresses of the LAN without the kernel's own link-local one.
func (b *bed) addresses() []netip.Prefix {
	b.t.Helper()
	link, err := b.kernel.Link("lan")
	if err != nil {
		b.t.Fatal(err)
	}
	table, err := b.kernel.AddressTable()
	if err != nil {
		b.t.Fatal(err)
	}
	var all []netip.Prefix
	for _, a := range table {
		if a.Index == link.Index && !a.Prefix.Addr().IsLinkLocalUnicast() {
			all = append(all, a.Prefix)
		}
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	return all
}
