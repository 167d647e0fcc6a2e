package nfqueue

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// Length is the number of packets that wait for a verdict at most. Further packets pass without one.
	Length = 256
	// maxPacketBytes is the longest packet that the kernel copies. It splits segments that an interface joined, so a
	// packet is as long as the MTU allows.
	maxPacketBytes = 0xffff
	// bufferBytes holds a full queue of packets of common MTUs.
	bufferBytes = 4 << 20
)

// ErrLost reports that the kernel could not deliver a packet. It passed without a verdict, and the queue keeps working.
var ErrLost = errors.New("packets passed without a verdict")

// Queue is a queue that this process is bound to. One process can be bound to a queue of a network namespace.
type Queue struct {
	conn   *netlink.Conn
	number uint16
}

// Bind binds to a queue of the network namespace of the calling thread.
func Bind(number uint16) (*Queue, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("opening packet queue %d: %w", number, err)
	}
	q := &Queue{conn: conn, number: number}
	if err := q.configure(); err != nil {
		return nil, errors.Join(fmt.Errorf("binding to packet queue %d: %w; the node's kernel needs "+
			"nfnetlink_queue, and no other process may be bound to the queue", number, err), conn.Close())
	}
	return q, nil
}

// configure sends one request for each attribute, because the kernel applies the command before all others.
func (q *Queue) configure() error {
	if err := q.conn.SetReadBuffer(bufferBytes); err != nil {
		return err
	}
	attributes := configuration(Length)
	// The flags and their mask belong together.
	groups := [][]netlink.Attribute{attributes[:1], attributes[1:2], attributes[2:3], attributes[3:]}
	for _, group := range groups {
		m, err := request(messageConfig, q.number, netlink.Acknowledge, group)
		if err != nil {
			return err
		}
		if _, err := q.conn.Execute(m); err != nil {
			return err
		}
	}
	return nil
}

// Receive waits for packets until a time and returns them. It returns none after that time, or after an error of an
// earlier verdict. Each packet needs one verdict. Receive can be called again after ErrLost, but not after another
// error.
func (q *Queue) Receive(until time.Time) (packets []Packet, err error) {
	if err := q.conn.SetReadDeadline(until); err != nil {
		return nil, fmt.Errorf("receiving from packet queue %d: %w", q.number, err)
	}
	messages, err := q.conn.Receive()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case errors.Is(err, unix.ENOBUFS):
		return nil, ErrLost
	case errors.Is(err, unix.ENOENT): // The packet of a verdict is gone: its interface is.
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("receiving from packet queue %d: %w", q.number, err)
	}
	for _, m := range messages {
		if m.Header.Type != netlink.HeaderType(subsystem<<8|messagePacket) {
			continue
		}
		p, err := decode(m.Data)
		if err != nil {
			return nil, fmt.Errorf("receiving from packet queue %d: %w", q.number, err)
		}
		packets = append(packets, p)
	}
	return packets, nil
}

// Accept passes a packet. With bytes, they replace the packet from its network header on.
func (q *Queue) Accept(p Packet, bytes []byte) error { return q.decide(p, verdictAccept, bytes) }

// Drop discards a packet.
func (q *Queue) Drop(p Packet) error { return q.decide(p, verdictDrop, nil) }

func (q *Queue) decide(p Packet, as uint32, bytes []byte) error {
	m, err := request(messageVerdict, q.number, 0, verdict(p.ID, as, bytes))
	if err == nil {
		_, err = q.conn.Send(m)
	}
	if err != nil {
		return fmt.Errorf("deciding about a packet of queue %d: %w", q.number, err)
	}
	return nil
}

// Close closes the socket, which makes Receive return. The kernel drops the packets that wait, and TCP repeats them.
func (q *Queue) Close() error { return q.conn.Close() }
