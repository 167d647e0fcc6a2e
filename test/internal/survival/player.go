package survival

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// mediaInterval is the time between two packets of media.
const mediaInterval = 50 * time.Millisecond

// mediaServer sends media to ports of players, which are behind the pair's address.
type mediaServer struct {
	conn net.PacketConn

	mu    sync.Mutex
	ports []uint16
}

// begin begins to send to a port.
func (m *mediaServer) begin(port uint16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ports = append(m.ports, port)
}

// send sends until the socket is closed.
func (m *mediaServer) send() {
	ticker := time.NewTicker(mediaInterval)
	defer ticker.Stop()
	for {
		m.mu.Lock()
		ports := m.ports
		m.mu.Unlock()
		for _, port := range ports {
			to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(wanVirtual, port))
			_, _ = m.conn.WriteTo([]byte("media"), to) // An ICMP error to an earlier packet may be reported.
		}
		if err := m.conn.SetWriteDeadline(time.Time{}); err != nil {
			return // It is closed.
		}
		<-ticker.C
	}
}

// player counts the packets of media that come to its port.
type player struct {
	port  uint16
	heard atomic.Uint64
}

// listen counts packets until the socket is closed.
func (p *player) listen(at net.PacketConn) {
	packet := make([]byte, 64)
	for {
		if _, _, err := at.ReadFrom(packet); err != nil {
			return
		}
		p.heard.Add(1)
	}
}
