package scenario

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
)

// announcement is a frame in which a station claims an address without being asked.
type announcement struct {
	address netip.Addr
	station net.HardwareAddr
	at      time.Time
}

// listenForAnnouncements records every gratuitous ARP (RFC 5227, section 3) and unsolicited neighbour advertisement
// (RFC 4861, section 7.2.6) that reaches a host.
func listenForAnnouncements(ctx context.Context, netnsPath, ifname string) (*announcements, error) {
	var conn *packet.Conn
	err := namespace.Do(netnsPath, func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening for announcements on %s: %w", ifname, err)
	}
	a := &announcements{}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	a.done.Go(func() {
		defer stop()
		a.listen(conn)
	})
	return a, nil
}

type announcements struct {
	done sync.WaitGroup
	mu   sync.Mutex
	all  []announcement
}

func (a *announcements) listen(conn *packet.Conn) {
	frame := make([]byte, 128)
	for {
		n, _, err := conn.ReadFrom(frame)
		if err != nil {
			return
		}
		now := time.Now()
		if address, station, ok := parseAnnouncement(frame[:n]); ok {
			a.mu.Lock()
			a.all = append(a.all, announcement{address: address, station: station, at: now})
			a.mu.Unlock()
		}
	}
}

// firstAfter returns the first announcement of an address after an instant by another station than the former one,
// which may still repeat its own.
func (a *announcements) firstAfter(address netip.Addr, from time.Time, former net.HardwareAddr) (announcement, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.all {
		if one.address == address && one.at.After(from) && !bytes.Equal(one.station, former) {
			return one, true
		}
	}
	return announcement{}, false
}

func (a *announcements) wait() { a.done.Wait() }

const ethernetHeader = 14

// parseAnnouncement parses an Ethernet frame and returns the address that it announces, if any.
func parseAnnouncement(frame []byte) (netip.Addr, net.HardwareAddr, bool) {
	if len(frame) < ethernetHeader {
		return netip.Addr{}, nil, false
	}
	switch payload := frame[ethernetHeader:]; binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		return parseGratuitousARP(payload)
	case unix.ETH_P_IPV6:
		address, ok := parseUnsolicitedNA(payload)
		return address, net.HardwareAddr(bytes.Clone(frame[6:12])), ok
	default:
		return netip.Addr{}, nil, false
	}
}

// parseGratuitousARP parses 28 bytes of ARP for IPv4 over Ethernet (RFC 826), with the same sender and target address.
func parseGratuitousARP(arp []byte) (netip.Addr, net.HardwareAddr, bool) {
	if len(arp) < 28 || !bytes.Equal(arp[:6], []byte{0, 1, 8, 0, 6, 4}) || !bytes.Equal(arp[14:18], arp[24:28]) {
		return netip.Addr{}, nil, false
	}
	return netip.AddrFrom4([4]byte(arp[14:18])), net.HardwareAddr(bytes.Clone(arp[8:14])), true
}

// parseUnsolicitedNA parses an IPv6 packet: 40 bytes of header, then ICMPv6 type 136 with a clear Solicited flag.
func parseUnsolicitedNA(packet []byte) (netip.Addr, bool) {
	const header, advertisement, solicited = 40, 136, 0x40
	if len(packet) < header+24 || packet[6] != unix.IPPROTO_ICMPV6 {
		return netip.Addr{}, false
	}
	icmp := packet[header:]
	if icmp[0] != advertisement || icmp[4]&solicited != 0 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(icmp[8:24])), true
}
