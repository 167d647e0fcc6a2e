package nftables

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Set describes a set or map of the kernel whose elements can be read and written one by one.
type Set struct {
	Name string
	// Timeout is that of elements that are added without one; 0 keeps these until they are removed.
	Timeout time.Duration
	// Size bounds the elements; 0 is unbounded.
	Size uint32
	// IsFilledByRules is set if rules may add elements. The kernel sends no notification of these.
	IsFilledByRules bool
}

// Element is one element of a set or map, in the encoding of the kernel.
type Element struct {
	// Key identifies the element in its set. Value is what a map has for the key; nil in a set.
	Key, Value []byte
	// Timeout is how long the element lived when it was added, and Remaining is what is left of it. Both are 0 for an
	// element that stays until it is removed. The kernel rounds both to its clock, which may tick every 10 ms.
	Timeout, Remaining time.Duration
}

// Sets returns the sets and maps of a table of the family inet whose names begin with one of the prefixes. It leaves
// out those of intervals, and maps to verdicts or objects. It returns nothing if there is no table.
func (k Kernel) Sets(table string, prefixes []string) (sets []Set, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		sets, err = steady(func() ([]Set, error) { return listSets(conn, table, prefixes) }, slices.Equal)
		return err
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the sets of table inet %s: %w", table, err)
	}
	return sets, nil
}

// listSets lists sets and maps once.
func listSets(conn *netlink.Conn, table string, prefixes []string) (sets []Set, err error) {
	err = dumpTable(conn, unix.NFT_MSG_GETSET, unix.NFPROTO_INET, table, func(m message) error {
		name := m.text(unix.NFTA_SET_NAME)
		hasPrefix := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if slices.ContainsFunc(prefixes, hasPrefix) && isPlain(m) {
			sets = append(sets, parseSet(m))
		}
		return nil
	})
	return sets, err
}

// Set returns the set or map of a table of the family inet that has a name, and whether there is one.
func (k Kernel) Set(table, name string) (set Set, exists bool, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		set, exists, err = readSet(conn, table, name)
		return err
	})
	return set, exists, err
}

// readSet returns the set or map that has a name, and whether there is one.
func readSet(conn *netlink.Conn, table, name string) (set Set, exists bool, err error) {
	encoded, err := netlink.MarshalAttributes([]netlink.Attribute{
		named(unix.NFTA_SET_TABLE, table), named(unix.NFTA_SET_NAME, name),
	})
	if err != nil {
		return Set{}, false, err
	}
	answers, err := conn.Execute(request(unix.NFT_MSG_GETSET, netlink.Request, unix.NFPROTO_INET, encoded))
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return Set{}, false, fmt.Errorf("reading set %s of table inet %s: %w", name, table, err)
	}
	for _, m := range answers {
		if len(m.Data) > messageHeaderBytes {
			set, exists = parseSet(nested(m.Data[messageHeaderBytes:])), true
		}
	}
	return set, exists, nil
}

// isPlain reports whether an element of a set has no more than a key, a value and times.
func isPlain(m message) bool {
	const excluded = unix.NFT_SET_ANONYMOUS | unix.NFT_SET_CONSTANT | unix.NFT_SET_INTERVAL | unix.NFT_SET_OBJECT
	return m.number(unix.NFTA_SET_FLAGS)&excluded == 0 && m.number(unix.NFTA_SET_DATA_TYPE) != unix.NFT_DATA_VERDICT
}

func parseSet(m message) Set {
	return Set{
		Name: m.text(unix.NFTA_SET_NAME), Timeout: m.milliseconds(unix.NFTA_SET_TIMEOUT),
		Size:            nested(m.get(unix.NFTA_SET_DESC)).number(unix.NFTA_SET_DESC_SIZE),
		IsFilledByRules: m.number(unix.NFTA_SET_FLAGS)&unix.NFT_SET_EVAL != 0,
	}
}

// Elements calls each for each element of a set, until it returns an error. It calls each for every element that was
// there all the time, whatever others change meanwhile. It calls each for nothing if there is no set.
func (k Kernel) Elements(table string, s Set, each func(Element) error) error {
	var all map[string]Element
	err := k.ask(func(conn *netlink.Conn) (err error) {
		l := listed{conn: conn, table: table, name: s.Name, timeout: s.Timeout}
		all, err = complete(l.list, l.find)
		return err
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("listing the elements of set %s of table inet %s: %w", s.Name, table, err)
	}
	for _, e := range all {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// inSet returns the attributes that name a set.
func inSet(table, set string) []netlink.Attribute {
	return []netlink.Attribute{
		named(unix.NFTA_SET_ELEM_LIST_TABLE, table), named(unix.NFTA_SET_ELEM_LIST_SET, set),
	}
}

// eachElement calls each for each element in a message.
func eachElement(m message, timeout time.Duration, each func(Element) error) error {
	for a := range attributesOf(m.get(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
		if e := parseElement(nested(a.value), timeout); len(e.Key) > 0 {
			if err := each(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseElement decodes one element. The kernel leaves out a timeout that is the one of the set.
func parseElement(m message, timeout time.Duration) Element {
	e := Element{
		Key:       nested(m.get(unix.NFTA_SET_ELEM_KEY)).get(unix.NFTA_DATA_VALUE),
		Value:     nested(m.get(unix.NFTA_SET_ELEM_DATA)).get(unix.NFTA_DATA_VALUE),
		Timeout:   m.milliseconds(unix.NFTA_SET_ELEM_TIMEOUT),
		Remaining: m.milliseconds(unix.NFTA_SET_ELEM_EXPIRATION),
	}
	switch {
	case e.Remaining == 0:
		e.Timeout = 0
	case e.Timeout == 0:
		e.Timeout = timeout
	}
	return e
}

// inSet returns the attributes of a request about an element of a set.
func (e Element) inSet(table, set string, isKeyOnly bool) ([]netlink.Attribute, error) {
	encoded, err := e.attributes(isKeyOnly)
	if err != nil {
		return nil, err
	}
	list := netlink.Attribute{Type: unix.NLA_F_NESTED | unix.NFTA_SET_ELEM_LIST_ELEMENTS, Data: encoded}
	return append(inSet(table, set), list), nil
}

// attributes encodes an element for a request. A deletion or a question has the key alone.
func (e Element) attributes(isKeyOnly bool) ([]byte, error) {
	value := func(data []byte) []byte {
		encoded := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(data))) //nolint:gosec // It is short.
		encoded = binary.NativeEndian.AppendUint16(encoded, unix.NFTA_DATA_VALUE)
		return append(encoded, data...)
	}
	fields := []netlink.Attribute{{Type: unix.NLA_F_NESTED | unix.NFTA_SET_ELEM_KEY, Data: value(e.Key)}}
	if !isKeyOnly && len(e.Value) > 0 {
		fields = append(fields, netlink.Attribute{Type: unix.NLA_F_NESTED | unix.NFTA_SET_ELEM_DATA, Data: value(e.Value)})
	}
	if !isKeyOnly && e.Timeout > 0 {
		remaining := min(max(e.Remaining, time.Millisecond), e.Timeout) // The kernel refuses more, and nothing.
		fields = append(fields,
			netlink.Attribute{Type: unix.NFTA_SET_ELEM_TIMEOUT, Data: milliseconds(e.Timeout)},
			netlink.Attribute{Type: unix.NFTA_SET_ELEM_EXPIRATION, Data: milliseconds(remaining)})
	}
	encoded, err := netlink.MarshalAttributes(fields)
	if err != nil {
		return nil, err
	}
	const first = 1 // Elements are numbered in their list.
	return netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NLA_F_NESTED | first, Data: encoded}})
}

func milliseconds(d time.Duration) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(d.Milliseconds(), 1))) //nolint:gosec // It is positive.
}
