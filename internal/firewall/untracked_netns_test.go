//go:build netns

package firewall_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A host of the pod network that sends from many ports, or to many, must not fill the table that the zones need. So the
// connections of the control plane are not tracked, in either direction and for any protocol.
func TestFloodFromThePodNetworkFillsNoTable(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.echo(b.server, ":80")
	b.echo(b.firewall, ":81")
	b.echo(b.neighbour, ":82")
	b.apply(open)
	lines := []*line{
		b.mustDial(b.client, serverAddress+":80"), b.mustDial(b.neighbour, podAddress+":81"),
		b.mustDial(b.neighbour, "[fd00::2]:81"), b.mustDial(b.firewall, neighbourAddress+":82"),
	}
	const ports = 2000
	for _, address := range []string{podAddress, "fd00::2"} {
		heartbeats := netip.AddrPortFrom(netip.MustParseAddr(address), contract.SyncPort)
		for n := range ports {
			b.datagram(heartbeats)
			b.datagram(netip.AddrPortFrom(heartbeats.Addr(), uint16(20_000+n)))
		}
	}
	b.in(b.neighbour, "ping", "-c1", "-W5", podAddress)
	for _, l := range lines {
		if _, err := l.exchange("alive", patience); err != nil {
			t.Errorf("%s to %s: %v", l.LocalAddr(), l.RemoteAddr(), err)
		}
	}
	if all := b.openers(); len(all) != 1 || all[0].Src.String() != clientAddress {
		t.Errorf("%d connections are tracked, want only that of the client", len(all))
	}
}

// datagram sends a datagram from the neighbour, from a port of its own.
func (b *bed) datagram(to netip.AddrPort) {
	b.Helper()
	err := b.neighbour.Do(func() error {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(conn, "noise")
		return errors.Join(err, conn.Close())
	})
	if err != nil {
		b.Fatalf("Sending to %s: %v", to, err)
	}
}

// openers returns the connections that the firewall's kernel tracks, as their openers see them.
func (b *bed) openers() (all []conntrack.Tuple) {
	b.Helper()
	err := b.firewall.Do(func() error {
		return conntrack.Dump(b.Context(), func(f conntrack.Flow) error {
			all = append(all, f.Orig)
			return nil
		})
	})
	if err != nil {
		b.Fatalf("Reading connections: %v", err)
	}
	return all
}
