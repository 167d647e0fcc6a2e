package survival

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// streamInterval is the time between two packets of the stream.
	streamInterval = 20 * time.Millisecond
	// enoughStream is how many packets must come.
	enoughStream = 50
	// hops is how many routers a packet may pass.
	hops = 8
)

// television is the group of the stream, and its port.
var television = netip.MustParseAddrPort("239.1.2.3:5004")

// Multicast has a receiver that joined a group before the role moved, and never reports again.
type Multicast struct {
	Site Site

	started
	sender   *net.UDPConn
	receiver *net.UDPConn
	came     atomic.Uint64
	isMute   bool
}

// Serve implements Sessions.
func (m *Multicast) Serve(context.Context) (err error) {
	m.atEnd(func() {
		if m.receiver != nil {
			_ = m.receiver.Close() // It may be closed already.
		}
		_ = m.report()
	})
	if m.sender, err = openSender(m.Site.WAN); err != nil {
		return err
	}
	m.closing(m.sender)
	m.running.Go(m.stream)
	return nil
}

// openSender opens a socket that sends to groups on eth0.
func openSender(on endurance.Namespace) (conn *net.UDPConn, err error) {
	err = namespace.Do(string(on), func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, 0))); err != nil {
			return err
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		var failed error
		err = raw.Control(func(fd uintptr) {
			failed = errors.Join(unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, hops),
				unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(link.Index)}))
		})
		return errors.Join(err, failed)
	})
	return conn, err
}

// stream sends until the socket is closed.
func (m *Multicast) stream() {
	ticker := time.NewTicker(streamInterval)
	defer ticker.Stop()
	for {
		if _, err := m.sender.WriteToUDPAddrPort([]byte("picture"), television); errors.Is(err, net.ErrClosed) {
			return
		}
		<-ticker.C
	}
}

// Prepare implements Sessions. A membership ends after four minutes without a report, so the receiver joins again.
func (m *Multicast) Prepare(ctx context.Context) error {
	if err := m.report(); err != nil {
		return err
	}
	if m.receiver != nil {
		_ = m.receiver.Close() // It leaves the group.
	}
	err := namespace.Do(string(m.Site.LAN), func() error {
		link, err := net.InterfaceByName("eth0")
		if err == nil {
			m.receiver, err = net.ListenMulticastUDP("udp4", link, net.UDPAddrFromAddrPort(television))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("joining %s: %w", television, err)
	}
	m.running.Go(func() { m.listen(m.receiver) })
	if err := m.receives(ctx); err != nil {
		return err
	}
	return m.mute()
}

// listen counts packets until the socket is closed.
func (m *Multicast) listen(at *net.UDPConn) {
	packet := make([]byte, 64)
	for {
		if _, err := at.Read(packet); err != nil {
			return
		}
		m.came.Add(1)
	}
}

const muteTable = "table ip mute"

// mute drops the reports of the receiver.
func (m *Multicast) mute() error {
	_, err := command(m.Site.LAN, "nft add "+muteTable+
		" { chain reports { type filter hook output priority 0; ip protocol igmp drop; }; }")
	m.isMute = err == nil
	return err
}

// report lets the receiver report again.
func (m *Multicast) report() error {
	if !m.isMute {
		return nil
	}
	m.isMute = false
	_, err := command(m.Site.LAN, "nft delete "+muteTable)
	return err
}

// Check implements Sessions.
func (m *Multicast) Check(ctx context.Context) []Proof {
	return []Proof{{What: "stream to a receiver that never reports again", NeedsClass: true, Err: m.receives(ctx)}}
}

// receives waits until a second of the stream has come.
func (m *Multicast) receives(ctx context.Context) error {
	return grows(ctx, "packets of the stream", enoughStream, func() (uint64, error) { return m.came.Load(), nil })
}
