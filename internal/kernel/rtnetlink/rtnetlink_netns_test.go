//go:build netns

package rtnetlink

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
	for _, line := range []string{
		"link add lan type veth peer name far",
		"link set lo up", "link set lan up", "link set far up",
	} {
		ip(t, line)
	}
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func ip(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, out)
	}
	return string(out)
}

func TestAddresses(t *testing.T) {
	c := isolate(t)
	link, err := c.Link("lan")
	if err != nil {
		t.Fatal(err)
	}
	if link.Name != "lan" || !link.Up || link.MAC == (MAC{}) {
		t.Fatalf("link %+v", link)
	}
	ip(t, "address add 198.51.100.7/24 dev lan")
	managed := []netip.Prefix{
		netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("192.168.50.2/24"),
		netip.MustParsePrefix("fd50::1/64"),
	}
	for range 2 { // The second time changes nothing.
		if err := c.SetAddresses(link.Index, managed, managed); err != nil {
			t.Fatal(err)
		}
	}
	if got := ip(t, "-o address show dev lan"); strings.Contains(got, "tentative fd50") ||
		!strings.Contains(got, "192.168.50.1/24 brd 192.168.50.255") || !strings.Contains(got, "fd50::1/64") {
		t.Fatal(got)
	}
	if got := ip(t, "route show dev lan"); !strings.Contains(got, "192.168.50.0/24 proto kernel") {
		t.Fatalf("no on-link route: %s", got)
	}
	if got := ip(t, "-6 route show dev lan"); !strings.Contains(got, "fd50::/64") {
		t.Fatalf("no on-link route: %s", got)
	}
	// Without the first of a network the kernel drops the second too, unless it is put back.
	if err := c.SetAddresses(link.Index, managed, managed[1:]); err != nil {
		t.Fatal(err)
	}
	present, err := c.Addresses(link.Index)
	if err != nil || slices.Contains(present, managed[0]) || !slices.Contains(present, managed[1]) {
		t.Fatalf("%v %v", present, err)
	}
	for range 2 {
		if err := c.SetAddresses(link.Index, managed, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := ip(t, "-o address show dev lan"); strings.Contains(got, "192.168.50") || strings.Contains(got, "fd50") {
		t.Fatal(got)
	}
	if got := ip(t, "-o address show dev lan"); !strings.Contains(got, "198.51.100.7") {
		t.Fatalf("an address of somebody else is gone: %s", got)
	}
	ip(t, "address add 203.0.113.7/24 dev far")
	all, err := c.AllAddresses()
	if err != nil || !slices.Contains(all, netip.MustParsePrefix("198.51.100.7/24")) ||
		!slices.Contains(all, netip.MustParsePrefix("203.0.113.7/24")) {
		t.Fatalf("of all interfaces: %v %v", all, err)
	}
}

// TestAddedAddressesArriveAtOnce fails about every other time, of a hundred, when nothing waits for the local route.
func TestAddedAddressesArriveAtOnce(t *testing.T) {
	c := isolate(t)
	link, err := c.Link("lan")
	if err != nil {
		t.Fatal(err)
	}
	both := []netip.Prefix{netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64")}
	for range 100 {
		if err := c.AddAddresses(link.Index, both); err != nil {
			t.Fatal(err)
		}
		if !c.isLocal(both[1].Addr()) {
			t.Fatalf("what is sent to %s does not arrive", both[1].Addr())
		}
		if err := c.SetAddresses(link.Index, both, nil); err != nil {
			t.Fatal(err)
		}
		if c.isLocal(both[1].Addr()) {
			t.Fatalf("what is sent to %s still arrives", both[1].Addr())
		}
	}
}

func TestDevconf(t *testing.T) {
	c := isolate(t)
	for _, want := range []Devconf{{Forwarding: true, ARPIgnore: 1, ARPAnnounce: 2}, {ARPIgnore: 1}, {}} {
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

func TestLinkAbsent(t *testing.T) {
	c := isolate(t)
	if _, err := c.Link("nowhere"); err == nil || !strings.Contains(err.Error(), "looking up interface nowhere") {
		t.Fatal(err)
	}
}
