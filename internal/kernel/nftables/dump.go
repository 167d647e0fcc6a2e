package nftables

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// message is one object in a listing of the kernel, or a nested attribute of one.
type message struct {
	attributes []byte
	family     uint8
}

// nested returns the attributes in a value.
func nested(value []byte) message { return message{attributes: value} }

// get returns the value of an attribute; nil if the message lacks it.
func (m message) get(kind uint16) []byte {
	for a := range attributesOf(m.attributes) {
		if a.kind == kind {
			return a.value
		}
	}
	return nil
}

// text returns the value of an attribute that is a string, without the final zero.
func (m message) text(kind uint16) string { return string(trimZeros(m.get(kind))) }

// number returns the value of an attribute that is a number of 32 bits in network byte order; zero if it is missing.
func (m message) number(kind uint16) uint32 {
	value := m.get(kind)
	if len(value) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

// milliseconds returns the value of an attribute that is a time in milliseconds; zero if it is missing.
func (m message) milliseconds(kind uint16) time.Duration {
	value := m.get(kind)
	if len(value) < 8 {
		return 0
	}
	const most = math.MaxInt64 / uint64(time.Millisecond)
	return time.Duration(min(binary.BigEndian.Uint64(value), most)) * time.Millisecond //nolint:gosec // It is bounded.
}

// dump calls each for each object that answers a listing. It decodes one message after the other, so that a large table
// costs no memory. Each message has memory of its own. It fails with errInterrupted if any table changed during the
// listing of objects other than elements. Each has then seen a mixture.
func dump(conn *netlink.Conn, kind uint16, family uint8, filter []netlink.Attribute, each func(message) error) error {
	encoded, err := netlink.MarshalAttributes(filter)
	if err != nil {
		return err
	}
	if _, err := conn.Send(request(kind, netlink.Request|netlink.Dump, family, encoded)); err != nil {
		return err
	}
	var failed error
	isInterrupted := false
	for m, err := range conn.ReceiveIter() {
		if err != nil {
			return err
		}
		isInterrupted = isInterrupted || m.Header.Flags&netlink.DumpInterrupted != 0
		if failed != nil || m.Header.Type == netlink.Done {
			continue // The rest of the answer must be read all the same.
		}
		if len(m.Data) < messageHeaderBytes {
			failed = fmt.Errorf("a message of %d bytes is too short", len(m.Data))
			continue
		}
		failed = each(message{attributes: m.Data[messageHeaderBytes:], family: m.Data[0]})
	}
	if failed == nil && isInterrupted {
		return errInterrupted
	}
	return failed
}

// tableOf is the type of the attribute that names the table of an object, for objects of all kinds.
const tableOf = unix.NFTA_TABLE_NAME

// dumpTable dumps the objects of one table. Some kernels do not filter, so each object is asked for its table again.
func dumpTable(conn *netlink.Conn, kind uint16, family uint8, table string, each func(message) error) error {
	return dump(conn, kind, family, []netlink.Attribute{named(tableOf, table)}, func(m message) error {
		if m.text(tableOf) != table {
			return nil
		}
		return each(m)
	})
}

// named returns a filter for the objects of a table.
func named(kind uint16, name string) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: append([]byte(name), 0)}
}

// attribute is one netlink attribute.
type attribute struct {
	kind     uint16
	isNested bool
	value    []byte
}

// attributesOf iterates over netlink attributes. It ends at the first one that is malformed.
func attributesOf(data []byte) func(func(attribute) bool) {
	return func(yield func(attribute) bool) {
		for len(data) >= unix.SizeofNlAttr {
			length := int(binary.NativeEndian.Uint16(data))
			kind := binary.NativeEndian.Uint16(data[2:])
			if length < unix.SizeofNlAttr || length > len(data) {
				return
			}
			a := attribute{
				kind:     kind &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER),
				isNested: kind&unix.NLA_F_NESTED != 0,
				value:    data[unix.SizeofNlAttr:length],
			}
			if !yield(a) {
				return
			}
			data = data[min((length+3)&^3, len(data)):]
		}
	}
}

func trimZeros(value []byte) []byte {
	for len(value) > 0 && value[len(value)-1] == 0 {
		value = value[:len(value)-1]
	}
	return value
}
