//go:build netns

package firewall_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// Flags in the header of TCP.
const (
	flagFIN = 0x01
	flagRST = 0x04
	flagACK = 0x10
)

// segment returns a TCP segment without data, with the headers of IP.
func segment(from, to netip.AddrPort, sequence, acknowledged uint32, flags byte) []byte {
	header := binary.BigEndian.AppendUint16(nil, from.Port())
	header = binary.BigEndian.AppendUint16(header, to.Port())
	header = binary.BigEndian.AppendUint32(header, sequence)
	header = binary.BigEndian.AppendUint32(header, acknowledged)
	header = append(header, 5<<4, flags, 0x20, 0, 0, 0, 0, 0)
	addresses := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	pseudoHeader := slices.Concat(addresses, []byte{0, unix.IPPROTO_TCP, 0, byte(len(header))})
	binary.BigEndian.PutUint16(header[16:], testbed.Checksum(slices.Concat(pseudoHeader, header)))
	packet := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_TCP, 0, 0} // The kernel completes it.
	if from.Addr().Is6() {
		packet = []byte{0x60, 0, 0, 0, 0, byte(len(header)), unix.IPPROTO_TCP, 64}
	}
	return append(append(packet, addresses...), header...)
}

// sequences returns the numbers of the next bytes that a TCP socket sends and receives (TCP_REPAIR of linux/tcp.h).
func sequences(t *testing.T, conn net.Conn) (sends, receives uint32) {
	t.Helper()
	const receiveQueue, sendQueue, offWithoutProbe = 1, 2, -1
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	set := func(fd, option, value int) {
		failed = errors.Join(failed, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value))
	}
	get := func(fd, queue int) uint32 {
		set(fd, unix.TCP_REPAIR_QUEUE, queue)
		value, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
		failed = errors.Join(failed, err)
		return uint32(value) //nolint:gosec // The kernel returns 32 bits.
	}
	err = raw.Control(func(fd uintptr) {
		set(int(fd), unix.TCP_REPAIR, 1)
		sends, receives = get(int(fd), sendQueue), get(int(fd), receiveQueue)
		set(int(fd), unix.TCP_REPAIR, offWithoutProbe)
	})
	if err = errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return sends, receives
}

// tracked returns the firewall's entry of a connection.
func (b *bed) tracked(protocol uint8, from net.Addr) (entry conntrack.Flow) {
	b.Helper()
	found := 0
	err := b.firewall.Do(func() error {
		return conntrack.Dump(b.Context(), func(f conntrack.Flow) error {
			if f.Orig.Protocol == protocol && netip.AddrPortFrom(f.Orig.Src, f.Orig.SrcPort).String() == from.String() {
				entry = f
				found++
			}
			return nil
		})
	})
	if err != nil || found != 1 {
		b.Fatalf("%d entries of a connection from %s: %v", found, from, err)
	}
	return entry
}

// A forged packet of a connection, even one with the right sequence numbers, leaves the firewall's entry as it is: it
// does not end the connection and does not prolong it. So the sources are checked before connection tracking.
func TestForgedResetsAndDatagramsDoNotChangeTheConnection(t *testing.T) {
	b := newBed(t)
	dmz := b.connectDMZ()
	b.reachLAN()
	b.separatePlanes("lan", "wan", "dmz")
	b.echo(b.server, ":80")
	server := b.listen(b.server, ":9997")
	b.apply(everything)
	for _, family := range []struct{ server, client string }{
		{serverAddress, clientAddress}, {serverAddress6, clientAddress6},
	} {
		stream := b.mustDial(b.client, net.JoinHostPort(family.server, "80"))
		if _, err := stream.exchange("begin", patience); err != nil {
			t.Fatal(err)
		}
		ends := netip.MustParseAddrPort(stream.LocalAddr().String())
		target := netip.MustParseAddrPort(stream.RemoteAddr().String())
		datagrams := b.bind(b.client, net.JoinHostPort(family.client, "4000"), net.JoinHostPort(family.server, "9997"))
		if _, err := datagrams.Write([]byte("begin")); err != nil {
			t.Fatal(err)
		}
		server.until("begin")
		udp := func() conntrack.Flow { return b.tracked(unix.IPPROTO_UDP, datagrams.LocalAddr()) }
		tcp := func() conntrack.Flow { return b.tracked(unix.IPPROTO_TCP, stream.LocalAddr()) }
		begin := udp()
		forge := func() {
			sends, receives := sequences(t, stream.Conn)
			for _, flags := range []byte{flagACK, flagFIN | flagACK, flagRST | flagACK, flagRST} {
				b.inject(dmz, ends.Addr(), segment(target, ends, receives, sends, flags))
				b.inject(dmz, target.Addr(), segment(ends, target, sends, receives, flags))
			}
			b.send(dmz, datagrams.LocalAddr().String(), datagrams.RemoteAddr().String(), "forged")
			b.send(dmz, datagrams.RemoteAddr().String(), datagrams.LocalAddr().String(), "forged")
		}
		// The genuine source is known now. What is left of the lifetime shows whether a packet counted.
		b.eventually(func() uint32 { return udp().TimeoutSeconds }, gomega.BeNumerically("<", begin.TimeoutSeconds-1))
		forge()
		for name, pair := range map[string][2]conntrack.Flow{"UDP": {begin, udp()}, "TCP": {tcp(), tcp()}} {
			if pair[1].Status != pair[0].Status || name == "UDP" && pair[1].TimeoutSeconds >= begin.TimeoutSeconds-1 {
				t.Errorf("%s of %s: status %v and %d s, before %v", name, family.client, pair[1].Status, pair[1].TimeoutSeconds,
					pair[0].Status)
			}
		}
		if got := tcp().TCP.State; got != conntrack.TCPEstablished {
			t.Errorf("TCP of %s is in state %v", family.client, got)
		}
		if _, err := stream.exchange("after", patience); err != nil {
			t.Errorf("the connection of %s does not go on: %v", family.client, err)
		}
		b.apply(everything + "  logging: {dropped: true}\n") // The caches are empty again.
		forge()
		if got := tcp().TCP.State; got != conntrack.TCPEstablished {
			t.Errorf("TCP of %s is in state %v, after a new document", family.client, got)
		}
		b.apply(strings.ReplaceAll(everything, "]}\n", "], sourceValidation: Disabled}\n"))
		forge()
		if got := tcp().TCP.State; got == conntrack.TCPEstablished || udp().TimeoutSeconds < begin.TimeoutSeconds-1 {
			t.Errorf("without the check, TCP of %s is in state %v: the test shows nothing", family.client, got)
		}
		b.apply(everything)
	}
}

// A route that moves to another interface moves its sources at once, and not when they are forgotten.
func TestSourcesFollowTheRoutesAtOnce(t *testing.T) {
	b := newBed(t)
	b.connectDMZ()
	b.reachLAN()
	b.separatePlanes("lan", "wan", "dmz")
	client := b.listen(b.client, ":9999")
	b.apply(everything)
	for _, family := range []struct{ source, network, wan, dmz, client string }{
		{"198.51.100.7", "198.51.100.0/24", serverAddress, dmzAddress, clientAddress},
		{"2001:db8:7::7", "2001:db8:7::/64", serverAddress6, dmzAddress6, clientAddress6},
	} {
		from, to := net.JoinHostPort(family.source, "4000"), net.JoinHostPort(family.client, "9999")
		end := net.JoinHostPort(family.wan, "4001")
		sent := func() []string {
			b.send(b.server, from, to, "moved")
			b.send(b.server, end, to, "end")
			return client.until("end")
		}
		byWAN := []string{family.network, "via", family.wan, "dev", "wan", "table", "7780"}
		route := func(args ...string) { b.in(b.firewall, append([]string{"ip", "route"}, args...)...) }
		rule := func(verb string) {
			flag := "-4"
			if strings.Contains(family.source, ":") {
				flag = "-6"
			}
			b.in(b.firewall, "ip", flag, "rule", verb, "priority", "7000", "to", family.network, "prohibit")
		}
		for name, move := range map[string]struct{ away, back func() }{
			"moved": {
				func() { route("replace", family.network, "via", family.dmz, "dev", "dmz", "table", "7780") },
				func() { route(append([]string{"replace"}, byWAN...)...) },
			},
			"removed": {
				func() { route(append([]string{"del"}, byWAN...)...) },
				func() { route(append([]string{"replace"}, byWAN...)...) },
			},
			"more specific": {
				func() { route("add", "unreachable", family.source, "table", "7780") },
				func() { route("del", "unreachable", family.source, "table", "7780") },
			},
			"refused by a rule": {func() { rule("add") }, func() { rule("del") }},
		} {
			route(append([]string{"replace"}, byWAN...)...)
			b.eventually(func() []string { return sent() }, gomega.Equal([]string{"moved"}))
			sent()
			begun := time.Now()
			move.away()
			testbed.Pause(t, 100*time.Millisecond) // The firewall learns of it meanwhile.
			if got := sent(); len(got) > 0 {
				t.Errorf("%s, %s: received %q after %s", family.source, name, got, time.Since(begun))
			}
			move.back()
			if got := sent(); fmt.Sprint(got) != "[moved]" {
				t.Errorf("%s, %s: received %q after the way back", family.source, name, got)
			}
		}
	}
}
