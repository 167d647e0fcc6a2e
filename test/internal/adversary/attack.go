package adversary

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/addresses/frame"
)

// Attack is a kind of hostile frames.
type Attack struct {
	Name   string
	frames func(h *Host, t Target) [][]byte
}

// These attacks are what a host can try on its segment. Only VirtualAddress claims what is the pair's own there.
var (
	RouterAdvertisements = Attack{"router advertisements", routerAdvertisements}
	Redirects            = Attack{"redirects", redirects}
	ControlAddresses     = Attack{"claims of the control plane's addresses", controlAddresses}
	VirtualAddress       = Attack{"claims of the virtual address", virtualAddress}
	DHCP                 = Attack{"DHCP", dhcp}
	Groups               = Attack{"reports of multicast groups", groups}
	Tagged               = Attack{"tagged frames", taggedFrames}
	Fragments            = Attack{"fragments", fragments}
	Options              = Attack{"IPv4 options", options}
	Extensions           = Attack{"extension headers before router messages", extensions}
	Spoofed              = Attack{"sources of the control plane", spoofed}
	Connections          = Attack{"connections to the control plane's ports", connections}
)

// Attacks returns all attacks, with the claims of the virtual address last.
func Attacks() []Attack {
	return []Attack{
		RouterAdvertisements, Redirects, ControlAddresses, DHCP, Groups, Tagged, Fragments, Options, Extensions, Spoofed,
		Connections, VirtualAddress,
	}
}

// claims returns announcements of each address in every form, to everyone and to the units.
func claims(h *Host, t Target, addresses []netip.Addr) (frames [][]byte) {
	for _, a := range addresses {
		var forms [][]byte
		if a.Is4() {
			forms = [][]byte{frame.GratuitousARP(frame.Request, h.mac, a), frame.GratuitousARP(frame.Reply, h.mac, a)}
		} else {
			forms = [][]byte{frame.UnsolicitedAdvertisement(h.mac, a)}
		}
		for _, f := range forms {
			frames = append(frames, f)
			for _, unit := range t.Units {
				direct := slices.Clone(f)
				copy(direct, unit[:])
				frames = append(frames, direct)
			}
		}
	}
	return frames
}

// controlAddresses returns claims of what the units use in the pod network, and of their link-local addresses.
func controlAddresses(h *Host, t Target) [][]byte {
	addresses := t.control()
	for _, network := range t.Networks {
		addresses = append(addresses, network.Addr().Next())
	}
	for _, unit := range t.Units {
		addresses = append(addresses, linkLocal(unit))
	}
	return claims(h, t, addresses)
}

func virtualAddress(h *Host, t Target) [][]byte { return claims(h, t, []netip.Addr{t.Virtual}) }

// taggedFrames returns those of other attacks behind one or two tags.
func taggedFrames(h *Host, t Target) (frames [][]byte) {
	for _, attack := range []Attack{RouterAdvertisements, Redirects, ControlAddresses, Spoofed} {
		all := attack.frames(h, t)
		for i := range min(6, len(all)) {
			f := all[i*len(all)/6%len(all)]
			once := tagged(f, unix.ETH_P_8021Q)
			frames = append(frames, once, tagged(f, unix.ETH_P_8021AD), tagged(once, unix.ETH_P_8021AD),
				tagged(tagged(once, unix.ETH_P_8021Q), unix.ETH_P_8021AD))
		}
	}
	return frames
}

// spoofed returns packets with a source of the control plane, to the virtual address and to the units' pods.
func spoofed(h *Host, t Target) (frames [][]byte) {
	for _, to := range t.addresses() {
		for _, from := range append(slices.Clone(t.Spoofed), t.control()...) {
			ping := icmp4([]byte{8, 0, 0, 0, 7, 7, 0, 1})
			frames = append(frames, h.toUnits(t,
				packet4{from: from, to: to, protocol: unix.IPPROTO_ICMP, payload: ping}.bytes(),
				syn(from, to, 40000, t.Ports[0]),
				datagram(netip.AddrPortFrom(from, t.Ports[0]), netip.AddrPortFrom(to, t.Ports[0]), make([]byte, 64)))...)
		}
	}
	return frames
}

// connections returns requests for connections to the ports of the control plane, and datagrams to them. They have the
// host's own address.
func connections(h *Host, t Target) (frames [][]byte) {
	for _, to := range t.addresses() {
		for _, port := range t.Ports {
			for source := range uint16(20) {
				frames = append(frames, h.toUnits(t, syn(h.address, to, 41000+source, port))...)
			}
			frames = append(frames, h.toUnits(t, datagram(
				netip.AddrPortFrom(h.address, port), netip.AddrPortFrom(to, port), make([]byte, 64)))...)
		}
	}
	return frames
}
