package story

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

// announcement is an ARP frame in which a station says that an address is its own.
type announcement struct {
	address netip.Addr
	station net.HardwareAddr
	at      time.Time
}

// listenForAnnouncements notes on one host every gratuitous ARP frame (RFC 5227, section 3) that reaches it.
func listenForAnnouncements(ctx context.Context, netnsPath, ifname string) (*announcements, error) {
	var conn *packet.Conn
	err := namespace.Do(netnsPath, func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ARP, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening for ARP on %s: %w", ifname, err)
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
		if address, station, ok := parseGratuitousARP(frame[:n]); ok {
			a.mu.Lock()
			a.all = append(a.all, announcement{address: address, station: station, at: now})
			a.mu.Unlock()
		}
	}
}

// firstAfter is the first announcement of an address after an instant.
func (a *announcements) firstAfter(address netip.Addr, from time.Time) (announcement, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.all {
		if one.address == address && one.at.After(from) {
			return one, true
		}
	}
	return announcement{}, false
}

func (a *announcements) wait() { a.done.Wait() }

// parseGratuitousARP reads an Ethernet frame (RFC 826: 14 bytes of header, then 28 of ARP for IPv4).
func parseGratuitousARP(frame []byte) (netip.Addr, net.HardwareAddr, bool) {
	const header = 14
	if len(frame) < header+28 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_ARP {
		return netip.Addr{}, nil, false
	}
	arp := frame[header:]
	sender, target := arp[14:18], arp[24:28]
	if !bytes.Equal(arp[:6], []byte{0, 1, 8, 0, 6, 4}) || !bytes.Equal(sender, target) {
		return netip.Addr{}, nil, false
	}
	return netip.AddrFrom4([4]byte(sender)), net.HardwareAddr(bytes.Clone(arp[8:14])), true
}
