//go:build netns

package rtnetlink

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

var virtualMAC = MAC{2, 0, 0x5e, 0x10, 0, 1}

// An interface that is up changes its address and changes it back, and keeps its IP addresses and routes.
func TestSetMAC(t *testing.T) {
	for name, line := range map[string]string{
		"veth": "link add port type veth peer name other", "macvlan": "link add port link lan type macvlan mode bridge",
	} {
		t.Run(name, func(t *testing.T) {
			c := isolate(t)
			ip(t, line)
			ip(t, "link set port up")
			ip(t, "address add 198.51.100.7/24 dev port")
			before, err := c.Link("port")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []MAC{virtualMAC, virtualMAC, before.MAC} {
				if err := c.SetMAC(before.Index, want); err != nil {
					t.Fatal(err)
				}
				link, err := c.Link("port")
				if err != nil || link.MAC != want || !link.Enabled {
					t.Fatalf("%+v, %v", link, err)
				}
				if got := ip(t, "address show dev port") + ip(t, "route"); !strings.Contains(got, "198.51.100.7/24") ||
					!strings.Contains(got, "198.51.100.0/24 dev port") {
					t.Fatal(got)
				}
			}
		})
	}
}

func TestSetMACTwiceOnOneParent(t *testing.T) {
	c := isolate(t)
	for _, name := range []string{"one", "two"} {
		ip(t, "link add "+name+" link lan type macvlan mode bridge")
		ip(t, "link set "+name+" up")
	}
	for name, want := range map[string]error{"one": nil, "two": unix.EADDRINUSE} {
		if name == "two" {
			ip(t, "link set one address "+virtualMAC.String())
		}
		link, err := c.Link(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetMAC(link.Index, virtualMAC); !errors.Is(err, want) ||
			want != nil && !strings.Contains(err.Error(), "different nodes") {
			t.Errorf("%s: %v", name, err)
		}
		ip(t, "link set one address 02:00:00:00:00:01")
	}
}

func TestAddAddresses(t *testing.T) {
	c, link := isolateWithLAN(t)
	wanted := []netip.Prefix{netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64")}
	for range 2 { // The second time changes nothing.
		if refused := c.AddAddresses(link.Index, wanted); len(refused) > 0 {
			t.Fatal(refused)
		}
		got := ip(t, "-o address show dev lan")
		if strings.Count(got, "192.168.50.1/24") != 1 || strings.Count(got, "fd50::1/64") != 1 ||
			strings.Contains(got, "fd50::1/64 scope global tentative") {
			t.Fatal(got)
		}
	}
	if refused := c.AddAddresses(12345, wanted); len(refused) != 2 || !errors.Is(refused[1].Err, unix.ENODEV) {
		t.Errorf("an interface that is not there: %v", refused)
	}
}

// One address that the kernel refuses keeps no other from being added.
func TestAddAddressesGoesOnPastARefusal(t *testing.T) {
	c := isolate(t)
	link, err := c.Link("lan")
	if err != nil || !link.IPv6 {
		t.Fatalf("%+v, %v", link, err)
	}
	testbed.Own().Set(t, "net.ipv6.conf.lan.disable_ipv6", "1")
	if link, err = c.Link("lan"); err != nil || link.IPv6 {
		t.Errorf("%+v, %v", link, err)
	}
	refused := c.AddAddresses(link.Index, []netip.Prefix{
		netip.MustParsePrefix("fd50::1/64"), netip.MustParsePrefix("192.168.50.1/24"),
	})
	if len(refused) != 1 || refused[0].Prefix.Addr().Is4() || !errors.Is(refused[0].Err, unix.EACCES) {
		t.Errorf("refused %v", refused)
	}
	if got := ip(t, "-o address show dev lan"); !strings.Contains(got, "192.168.50.1/24") {
		t.Error(got)
	}
}
