package gateway

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/plan"
)

// heartbeatInterval is the interval at which a gateway shows that it is alive. Several beats may come late.
const heartbeatInterval = plan.GatewayTimeout / 8

// heartbeat sends datagrams to itself on the loopback interface, at the port that the rules watch. They go through the
// loop that reads segments, so that they stop if it hangs.
type heartbeat struct {
	sockets []*net.UDPConn
	next    time.Time
}

// openHeartbeat opens a socket for each family that the loopback interface has. Nobody reads what they receive.
func openHeartbeat(port uint16) (*heartbeat, error) {
	h := &heartbeat{}
	var errs []error
	for _, ip := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
		own := &net.UDPAddr{IP: ip, Port: int(port)}
		socket, err := net.DialUDP("udp", own, own)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h.sockets = append(h.sockets, socket)
	}
	if len(h.sockets) == 0 {
		return nil, fmt.Errorf("opening UDP port %d on the loopback interface: %w", port, errors.Join(errs...))
	}
	return h, nil
}

// beat sends a datagram if it is time for one, and returns when the next one is due. A failure shows as silence.
func (h *heartbeat) beat(now time.Time) (next time.Time) {
	if now.Before(h.next) {
		return h.next
	}
	for _, socket := range h.sockets {
		_, _ = socket.Write([]byte{0})
	}
	h.next = now.Add(heartbeatInterval)
	return h.next
}

func (h *heartbeat) close() (err error) {
	for _, socket := range h.sockets {
		err = errors.Join(err, socket.Close())
	}
	return err
}
