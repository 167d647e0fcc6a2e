package adversary

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/hapair-io/hapair/test/namespace"
)

// framesPerSecond bounds what one host sends in one attack. The attacks are no benchmark of the machine.
const framesPerSecond = 300

// Host is a station that attacks.
type Host struct {
	Name    string
	conn    *packet.Conn
	mac     MAC
	address netip.Addr
	local   netip.Addr
}

// Open returns the host whose network namespace is at a path. It sends from the interface, which has an IPv4 address.
func Open(name, path, ifname string) (*Host, error) {
	h := &Host{Name: name}
	err := namespace.Do(path, func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		if len(ifi.HardwareAddr) != len(h.mac) {
			return fmt.Errorf("interface %s has no Ethernet address", ifname)
		}
		h.mac = MAC(ifi.HardwareAddr)
		addresses, err := ifi.Addrs()
		if err != nil {
			return err
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				h.address = p.Addr()
			}
		}
		if !h.address.IsValid() {
			return fmt.Errorf("interface %s has no IPv4 address", ifname)
		}
		h.conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_LOOP, nil) // hardly anything to read
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the hostile host %s: %w", name, err)
	}
	h.local = linkLocal(h.mac)
	return h, nil
}

// linkLocal returns the link-local address that is made from a MAC address (RFC 4291, appendix A).
func linkLocal(m MAC) netip.Addr {
	b := [16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}
	return netip.AddrFrom16(b)
}

// Close closes the host's socket.
func (h *Host) Close() error { return h.conn.Close() }

// Run sends the frames of an attack again and again until the context ends or the time is over, and returns how many it
// sent.
func (h *Host) Run(ctx context.Context, a Attack, t Target, length time.Duration) (sent int, err error) {
	frames := a.frames(h, t)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	pace := rate.NewLimiter(framesPerSecond, framesPerSecond/10)
	for pace.Wait(ctx) == nil {
		f := frames[sent%len(frames)]
		_, err := h.conn.WriteTo(f, &packet.Addr{HardwareAddr: f[:6]})
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return sent, fmt.Errorf("%s sends %q: %w", h.Name, a.Name, err)
		}
		sent++
	}
	return sent, nil
}

// toUnits returns packets in frames for each unit.
func (h *Host) toUnits(t Target, packets ...[]byte) (frames [][]byte) {
	for _, p := range packets {
		for _, unit := range t.Units {
			frames = append(frames, ethernet(unit, h.mac, kindOf(p), p))
		}
	}
	return frames
}

// toAll returns a packet in a frame for everyone on the segment.
func (h *Host) toAll(p []byte) []byte { return ethernet(everyone, h.mac, kindOf(p), p) }

// toGroup returns a packet in a frame for a multicast group.
func (h *Host) toGroup(group netip.Addr, p []byte) []byte {
	return ethernet(groupMAC(group), h.mac, kindOf(p), p)
}

func kindOf(p []byte) uint16 {
	if p[0]>>4 == 6 {
		return unix.ETH_P_IPV6
	}
	return unix.ETH_P_IP
}
