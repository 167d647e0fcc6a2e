package packetlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// Messages and attributes of linux/netfilter/nfnetlink_log.h. Package x/sys/unix does not define them.
const (
	subsystem     = 4
	messagePacket = 0
	messageConfig = 1

	configCommand   = 1
	configMode      = 2
	configThreshold = 5
	commandBind     = 1
	modePacket      = 2

	attributeIn      = 4
	attributeOut     = 5
	attributePayload = 9
	attributePrefix  = 10
)

// headerBytes is the length of struct nfgenmsg: family, version, resource.
const headerBytes = 4

// ErrLost reports that packets were logged faster than they were received. The listener keeps working.
var ErrLost = errors.New("log entries were lost")

// Listener receives the entries of one group. A network namespace allows one listener for each group.
type Listener struct {
	conn *netlink.Conn
}

// Listen returns a listener of a group in the network namespace of the process.
func Listen(group uint16) (*Listener, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the packet log: %w", err)
	}
	// Request one message for each packet, without delay. The rules' limits keep the number of packets low.
	for _, attribute := range []netlink.Attribute{
		{Type: configCommand, Data: []byte{commandBind}},
		{Type: configMode, Data: append(binary.BigEndian.AppendUint32(nil, ruleset.LogSnapLength), modePacket, 0)},
		{Type: configThreshold, Data: binary.BigEndian.AppendUint32(nil, 1)},
	} {
		if err := configure(conn, group, attribute); err != nil {
			return nil, errors.Join(fmt.Errorf("binding to packet log group %d: %w", group, err), conn.Close())
		}
	}
	return &Listener{conn: conn}, nil
}

func configure(conn *netlink.Conn, group uint16, attribute netlink.Attribute) error {
	attributes, err := netlink.MarshalAttributes([]netlink.Attribute{attribute})
	if err != nil {
		return err
	}
	header := binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, group)
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type: netlink.HeaderType(subsystem<<8 | messageConfig), Flags: netlink.Request | netlink.Acknowledge,
		},
		Data: append(header, attributes...),
	})
	return err
}

// Receive waits for entries and returns them. It can be called again after ErrLost, but not after other errors.
func (l *Listener) Receive() ([]Entry, error) {
	messages, err := l.conn.Receive()
	if errors.Is(err, unix.ENOBUFS) {
		return nil, ErrLost
	}
	if err != nil {
		return nil, fmt.Errorf("receiving from the packet log: %w", err)
	}
	var entries []Entry
	for _, m := range messages {
		if m.Header.Type != netlink.HeaderType(subsystem<<8|messagePacket) {
			continue
		}
		entry, err := decode(m.Data)
		if err != nil {
			return nil, fmt.Errorf("decoding a log entry: %w", err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Close closes the socket, which makes Receive return.
func (l *Listener) Close() error { return l.conn.Close() }
