//go:build netns

package gate

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

const podAddress, podAddress6 = "10.244.1.5", "fd00:10:244:1::5"

// routerMessage returns an ICMPv6 message from the link-local address of a neighbour.
func routerMessage(from mac, kind byte, more ...byte) []byte {
	return icmpv6(mac{0x33, 0x33, 0, 0, 0, 1}, from, "fe80::9", "ff02::1", append([]byte{kind, 0, 0, 0}, more...))
}

// onLink returns the body of a router advertisement: a default route and an on-link prefix that makes addresses.
func onLink(prefix string) []byte {
	body := append([]byte{64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}, 3, 4, 64, 0xc0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0)
	return append(body, addr(prefix).AsSlice()...)
}

// routesAndNames returns the body of a router advertisement of lifetime zero, with a route to a prefix (RFC 4191) and a
// server of names (RFC 8106).
func routesAndNames(prefix string) []byte {
	body := append(make([]byte, 12), 24, 3, 64, 8, 0, 0, 7, 8)
	body = append(append(body, addr(prefix).AsSlice()...), 25, 3, 0, 0, 0, 0, 7, 8)
	return append(body, addr(prefix).AsSlice()...)
}

// behindOptions moves the payload of an IPv6 frame behind a header of destination options.
func behindOptions(frame []byte) []byte {
	return behind(frame, unix.IPPROTO_DSTOPTS, frame[20], 0, 1, 4, 0, 0, 0, 0)
}

// inFragment moves the payload of an IPv6 frame into a first fragment, which is the only one unless more follow.
func inFragment(frame []byte, more byte) []byte {
	return behind(frame, unix.IPPROTO_FRAGMENT, frame[20], 0, 0, more, 0, 0, 0, 9)
}

// behind moves the payload of an IPv6 frame behind an extension header of eight bytes.
func behind(frame []byte, kind byte, header ...byte) []byte {
	b := append([]byte{}, frame[:54]...)
	b[19] += 8
	b[20] = kind
	return append(append(b, header...), frame[54:]...)
}

// No message of a router, no redirect and no packet to or from the pod's address passes the gate, open or closed.
// Nothing is learned from them, and they are counted.
func TestRouterMessagesAndControlAddressesNeverPass(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		b.router.Set(t, "net.ipv6.conf.all.forwarding", "0")
		b.router.Set(t, "net.ipv6.conf.lan.forwarding", "0")
		b.router.Set(t, "net.ipv6.conf.lan.accept_ra", "2")
		pods := testbed.NewNamespace(t, "pods")
		testbed.Wire(t, b.router, "eth0", pods, "pods0")
		b.router.Link(t, "eth0").Address(podAddress + "/24").Address(podAddress6 + "/64")
		p := b.unit()
		client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
		ip4 := openPort(t, b.router, "lan", unix.ETH_P_IP)
		ip6 := openPort(t, b.router, "lan", unix.ETH_P_IPV6)
		router := openPort(t, b.router, "lan", unix.ETH_P_ALL)
		advertise := routerMessage(client.mac, 134, onLink("fd99::")...)
		routes := routerMessage(client.mac, 134, routesAndNames("fd99::")...)
		pod := echo(router.mac, client.mac, clientAddress6, podAddress6)
		last4 := echo(router.mac, client.mac, clientAddress, ownLAN)
		last6 := echo(router.mac, client.mac, clientAddress6, ownLAN6)
		redirect := echo(router.mac, client.mac, clientAddress, ownLAN)
		redirect[34] = 5
		forbidden := map[string][]byte{
			"RouterAdvertisement":                advertise,
			"RouterAdvertisement tagged":         tagged(advertise, 0, unix.ETH_P_8021Q),
			"RouterAdvertisement tagged twice":   tagged(advertise, 0, unix.ETH_P_8021Q, unix.ETH_P_8021AD),
			"RouterAdvertisement behind options": behindOptions(advertise),
			"RouterAdvertisement with routes":    routes,
			"routes in the only fragment":        inFragment(routes, 0),
			"routes in the first fragment":       inFragment(routes, 1),
			"routes in a fragment, with options": inFragment(behindOptions(routes), 1),
			"routes behind options, fragmented":  behindOptions(inFragment(routes, 0)),
			"routes behind four headers":         behindOptions(behindOptions(behindOptions(behindOptions(routes)))),
			"ControlAddress in a fragment":       inFragment(pod, 1),
			"ControlAddress behind options":      behindOptions(pod),
			"RouterSolicitation":                 routerMessage(client.mac, 133, 0, 0, 0, 0),
			"Redirect":                           routerMessage(client.mac, 137, make([]byte, 36)...),
			"Redirect of IPv4":                   redirect,
			"ControlAddress":                     echo(router.mac, client.mac, clientAddress, podAddress),
			"ControlAddress of IPv6":             echo(router.mac, client.mac, clientAddress6, podAddress6),
			"ControlAddress as source":           echo(router.mac, client.mac, podAddress6, ownLAN6),
		}
		for _, isOpen := range []bool{false, true} {
			p.set(isOpen)
			for name, frame := range forbidden {
				client.send(frame, last4, last6)
				heard := ip4.collect("the last frame", func(f []byte) bool { return bytes.Equal(untagged(f), last4) })
				heard = append(heard, ip6.collect("the last frame", func(f []byte) bool {
					return bytes.Equal(untagged(f), last6)
				})...)
				for _, f := range heard {
					if bytes.Equal(untagged(f), untagged(frame)) {
						t.Errorf("with the gate open=%t: %s passes", isOpen, name)
					}
				}
			}
		}
		learned := b.router.Run(t, "ip -6 route show dev lan") + b.router.Run(t, "ip -6 address show dev lan")
		if strings.Contains(learned, "fd99::") || strings.Contains(learned, "proto ra") {
			t.Errorf("learned from an advertisement: %s", learned)
		}
		counts := p.dropped()
		for _, kind := range []string{"RouterAdvertisement", "RouterSolicitation", "Redirect", "ControlAddress"} {
			if counts[kind] < 2 {
				t.Errorf("%s was counted %d times: %v", kind, counts[kind], counts)
			}
		}
	})
}
