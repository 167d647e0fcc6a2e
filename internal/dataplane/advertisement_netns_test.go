//go:build netns

package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// advertise sends a router advertisement from the host on the LAN: a default route of a lifetime in seconds, on-link
// prefixes from which hosts make addresses, and routes (RFC 4191).
func (b *bed) advertise(lifetime byte, prefixes []netip.Prefix, routes ...netip.Prefix) {
	b.t.Helper()
	message := []byte{134, 0, 0, 0, 64, 8, 0, lifetime, 0, 0, 0, 0, 0, 0, 0, 0} // of high preference
	for _, p := range prefixes {
		message = append(message, 3, 4, byte(p.Bits()), 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0)
		message = append(message, p.Addr().AsSlice()...)
	}
	for _, p := range routes {
		message = append(message, 24, 3, byte(p.Bits()), 8, 0, 0, 1, 0)
		message = append(message, p.Addr().AsSlice()...)
	}
	err := b.lan.Do(func() error {
		socket, err := net.ListenIP("ip6:ipv6-icmp", &net.IPAddr{IP: net.IPv6unspecified})
		if err != nil {
			return err
		}
		raw, err := socket.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255) // else it is ignored
			})
		}
		if err == nil {
			_, err = socket.WriteTo(message, &net.IPAddr{IP: net.ParseIP("ff02::1"), Zone: "lan0"})
		}
		return errors.Join(err, socket.Close())
	})
	if err != nil {
		b.t.Fatalf("Advertising: %v", err)
	}
}

// Prefixes, addresses and routes that the unit learned from router advertisements before it started are removed, as are
// those that it learns while nothing drops advertisements. The control plane works, and its own routes stay.
func TestRouterAdvertisementsBeforeTheStartAreForgotten(t *testing.T) {
	b := newBed(t)
	b.set("net.ipv6.conf.lan.accept_ra", "1")
	b.set("net.ipv6.conf.lan.accept_ra_rt_info_max_plen", "128")
	hostile := []netip.Prefix{prefix("fd00:10:244:2::/64"), prefix("fd00:10:96::/64")}
	learned := func() bool {
		return strings.Contains(b.ip("-6 route show dev lan"), "fd00:10:244:2::/64") &&
			strings.Contains(b.ip("-6 route show default"), "dev lan") &&
			strings.Contains(b.ip("-6 address show dev lan"), "fd00:10:96:")
	}
	advertise := func() { b.advertise(200, hostile, prefix(peerAddress6+"/128"), prefix(apiAddress6+"/128")) }
	testbed.Eventually(t, "the unit believes an advertisement", func() bool {
		advertise() // again and again: the kernel ignores one while the interface is coming up
		return learned()
	})
	if got := b.ip("-6 route get " + peerAddress6); !strings.Contains(got, "dev lan") {
		t.Fatalf("the advertisement does not divert the control plane: %s", got)
	}
	faults := b.run()
	control := b.controlPlane()
	control.works()
	forgotten := func() bool {
		return !strings.Contains(b.ip("-6 route show dev lan"), "fd00:") &&
			!strings.Contains(b.ip("-6 route show default"), "dev lan") &&
			!strings.Contains(b.ip("-6 address show dev lan"), "fd00:")
	}
	testbed.Eventually(t, "nothing is left of it", forgotten)
	for range 3 {
		advertise()
		testbed.Eventually(t, "a later advertisement is forgotten", forgotten)
		control.works()
	}
	b.advertise(0, hostile)
	control.works()
	if got := b.ip("-6 address show dev lan"); !strings.Contains(got, ownLAN6) {
		t.Errorf("the unit's own address is gone: %s", got)
	}
	b.expectNoFault(faults)
}
