//go:build netns

package rtnetlink

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// isolate moves the test into a network namespace of its own, which ends with the test's thread.
func isolate(t *testing.T) *Conn {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root")
	}
	runtime.LockOSThread() // Never unlocked: the thread ends with the test, and the namespace with it.
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	own := testbed.Own()
	own.Link(t, "lo").Up()
	testbed.Wire(t, own, "lan", own, "far")
	return testbed.Open(t, own, Dial)
}

// isolateWithLAN isolates the test and returns its interface too.
func isolateWithLAN(t *testing.T) (*Conn, Link) {
	t.Helper()
	c := isolate(t)
	link, err := c.Link("lan")
	if err != nil {
		t.Fatal(err)
	}
	return c, link
}

// ip runs a command of iproute2 in the test's namespace.
func ip(t *testing.T, line string) string { t.Helper(); return testbed.Own().Run(t, "ip "+line) }

func TestAddresses(t *testing.T) {
	c, link := isolateWithLAN(t)
	if link.Name != "lan" || !link.Up || link.MAC == (MAC{}) {
		t.Fatalf("link %+v", link)
	}
	ip(t, "address add 198.51.100.7/24 dev lan")
	wanted := []netip.Prefix{
		netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("192.168.50.2/24"),
		netip.MustParsePrefix("fd50::1/64"),
	}
	for range 2 { // The second time changes nothing.
		if refused := c.AddAddresses(link.Index, wanted); len(refused) > 0 {
			t.Fatal(refused)
		}
	}
	if got := ip(t, "-o address show dev lan"); strings.Contains(got, "tentative fd50") ||
		!strings.Contains(got, "192.168.50.1/24 brd 192.168.50.255") || !strings.Contains(got, "fd50::1/64") {
		t.Fatal(got)
	}
	if got := ip(t, "route show") + ip(t, "-6 route show"); strings.Contains(got, "192.168.50.0") ||
		strings.Contains(got, "fd50::/64") {
		t.Fatalf("a route in the main table: %s", got)
	}
	onLAN := func() (virtual []Address) {
		table, err := c.AddressTable()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range table {
			if a.Index == link.Index && slices.Contains(wanted, a.Prefix) {
				virtual = append(virtual, a)
			}
		}
		return virtual
	}
	all := onLAN()
	if len(all) != 3 || slices.ContainsFunc(all, func(a Address) bool {
		return !a.Lasting || a.Detecting || a.Duplicate || a.Remote
	}) {
		t.Fatalf("table %+v", all)
	}
	// Without the first of a network the kernel removes the second too.
	for range 2 {
		if err := c.RemoveAddresses(all); err != nil {
			t.Fatal(err)
		}
	}
	if all = onLAN(); len(all) > 0 {
		t.Fatalf("table %+v", all)
	}
	if got := ip(t, "-o address show dev lan"); !strings.Contains(got, "198.51.100.7") {
		t.Fatalf("an address of somebody else is gone: %s", got)
	}
	ip(t, "address add 203.0.113.7/24 dev far")
	present, err := c.AllAddresses()
	if err != nil || !slices.Contains(present, netip.MustParsePrefix("198.51.100.7/24")) ||
		!slices.Contains(present, netip.MustParsePrefix("203.0.113.7/24")) {
		t.Fatalf("of all interfaces: %v %v", present, err)
	}
}

// The table shows each state in which the unit cannot use an address for good.
func TestAddressTableShowsStates(t *testing.T) {
	c := isolate(t)
	for _, line := range []string{
		"address add 192.0.2.1/24 valid_lft 60 preferred_lft 60 dev lan",
		"address add 192.0.2.2/24 dev lan preferred_lft 0",
		"address add 192.0.2.3 peer 192.0.2.4/32 dev lan",
		"address add fd50::1/64 dev lan",
		"address add fd50::2/64 dev far nodad",
		"address add fd50::2/64 dev lan",
	} {
		ip(t, line)
	}
	state := func(text string) (found Address) {
		table, err := c.AddressTable()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range table {
			if a.Prefix.Addr() == netip.MustParseAddr(text) && a.Index != 1 && (found.Index == 0 || a.Duplicate) {
				found = a
			}
		}
		return found
	}
	if a := state("fd50::1"); !a.Detecting || !a.Lasting {
		t.Errorf("in detection: %+v", a)
	}
	if a := state("192.0.2.1"); a.Lasting {
		t.Errorf("expiring: %+v", a)
	}
	if a := state("192.0.2.2"); a.Lasting {
		t.Errorf("deprecated: %+v", a)
	}
	if a := state("192.0.2.3"); !a.Remote {
		t.Errorf("with another end: %+v", a)
	}
	testbed.Eventually(t, "the duplicate is shown", func() bool { return state("fd50::2").Duplicate })
}

// What is sent to an added address arrives at once. About half of a hundred are late when nothing waits for the local
// route; that wait is bounded, so a busy machine may make some late.
func TestAddedAddressesArriveAtOnce(t *testing.T) {
	c, link := isolateWithLAN(t)
	both := []netip.Prefix{netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64")}
	late := 0
	for range 100 {
		if refused := c.AddAddresses(link.Index, both); len(refused) > 0 {
			t.Fatal(refused)
		}
		if !c.isLocal(both[1].Addr()) {
			late++
			testbed.Eventually(t, "what is sent to the address arrives", func() bool { return c.isLocal(both[1].Addr()) })
		}
		table, err := c.AddressTable()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.RemoveAddresses(slices.DeleteFunc(table, func(a Address) bool {
			return a.Index != link.Index || !slices.Contains(both, a.Prefix)
		})); err != nil {
			t.Fatal(err)
		}
		if c.isLocal(both[1].Addr()) {
			t.Fatalf("what is sent to %s still arrives", both[1].Addr())
		}
	}
	if late > 10 {
		t.Errorf("what was sent to %s did not arrive at once, %d of 100 times", both[1].Addr(), late)
	}
}

func TestDevconf(t *testing.T) {
	c := isolate(t)
	for _, want := range []Devconf{
		{Forwarding: true, ARPIgnore: 1, ARPAnnounce: 2, ReversePathFilter: 2, SourceMark: 1},
		{ARPIgnore: 1},
		{AcceptRedirects: 1, AcceptSourceRoute: 1, ProxyARP: 1, RouteLocalnet: 1, AcceptLocal: 1},
		{},
	} {
		link, err := c.Link("lan")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDevconf(link.Index, want); err != nil {
			t.Fatal(err)
		}
		if link, err = c.Link("lan"); err != nil || link.IPv4 != want {
			t.Fatalf("%+v instead of %+v, %v", link.IPv4, want, err)
		}
		far, err := c.Link("far")
		if err != nil || far.IPv4.Forwarding {
			t.Fatalf("another interface changed: %+v, %v", far, err)
		}
	}
}

// The setting of all interfaces is read, of which the kernel uses the maximum with an interface's own.
func TestReversePathFilter(t *testing.T) {
	c := isolate(t)
	for _, want := range []uint32{0, 1, 2} {
		testbed.Own().Set(t, "net.ipv4.conf.all.rp_filter", strconv.Itoa(int(want)))
		if got, err := c.ReversePathFilter(); err != nil || got != want {
			t.Errorf("%d instead of %d, %v", got, want, err)
		}
	}
}

func TestLinkAbsent(t *testing.T) {
	c := isolate(t)
	if _, err := c.Link("nowhere"); err == nil || !strings.Contains(err.Error(), "looking up interface nowhere") {
		t.Fatal(err)
	}
}
