package rtnetlink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From include/uapi/linux/rtnetlink.h and pkt_sched.h. struct tcmsg is family and padding (4), interface (4), handle
// (4), parent (4) and info (4).
const (
	sizeofTC = 20

	tcaKind    = 1
	tcaOptions = 2

	clsact        = "clsact"
	clsactParent  = 0xfffffff1 // TC_H_CLSACT
	clsactHandle  = 0xffff0000 // TC_H_MAKE(TC_H_CLSACT, 0)
	ingressParent = 0xfffffff2 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
	egressParent  = 0xfffffff3 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
)

// From include/uapi/linux/pkt_cls.h.
const (
	tcaBPFFD    = 6
	tcaBPFName  = 7
	tcaBPFFlags = 8
	tcaBPFID    = 11

	bpfDirectAction = 1
)

const (
	// filterPriority puts the gate's filters before all others of the interface.
	filterPriority = 1
	// filterHandle tells the gate's filters from others of the same priority.
	filterHandle = 0x68617061
)

// Direction is in which a filter looks at packets.
type Direction int

// The directions.
const (
	Ingress Direction = iota
	Egress
)

func (d Direction) String() string {
	if d == Ingress {
		return "ingress"
	}
	return "egress"
}

func (d Direction) parent() uint32 {
	if d == Ingress {
		return ingressParent
	}
	return egressParent
}

// Filter is a program of the kernel that decides about every packet of an interface in one direction. The kernel holds
// the program as long as the interface lives, whether or not the process does.
type Filter struct {
	Name string
	// Program is the file descriptor of the program.
	Program int
}

// SetFilter puts the gate's filter on an interface. One that was there is replaced in one step: no packet finds none.
func (c *Conn) SetFilter(index int, d Direction, f Filter) error {
	err := c.addClsact(index)
	if err == nil {
		_, err = c.execute(request{
			kind:   unix.RTM_NEWTFILTER,
			flags:  netlink.Acknowledge | netlink.Create, // without Excl it replaces
			header: filterHeader(index, d),
			encode: f.encode,
		})
	}
	if err != nil {
		return fmt.Errorf("putting filter %s on %s of interface %d: %w", f.Name, d, index, explainFilter(err))
	}
	return nil
}

// explainFilter adds to the kernel's few words what a person can do.
func explainFilter(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN", err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w; the node's kernel needs CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF", err)
	default:
		return err
	}
}

func (f Filter) encode(ae *netlink.AttributeEncoder) {
	ae.String(tcaKind, "bpf")
	ae.Nested(tcaOptions, func(options *netlink.AttributeEncoder) error {
		options.Uint32(tcaBPFFD, uint32(f.Program))
		options.String(tcaBPFName, f.Name)
		options.Uint32(tcaBPFFlags, bpfDirectAction)
		return nil
	})
}

// addClsact makes the place where filters hang; one that is there is left alone. The place for filters in one direction
// alone is in the same spot: it would take a filter for what goes out, and show it what comes in.
func (c *Conn) addClsact(index int) error {
	_, err := c.execute(request{
		kind:   unix.RTM_NEWQDISC,
		flags:  netlink.Acknowledge | netlink.Create | netlink.Excl,
		header: tcHeader(index, clsactHandle, clsactParent, 0),
		encode: func(ae *netlink.AttributeEncoder) { ae.String(tcaKind, clsact) },
	})
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	kind, err := c.qdiscKind(index, clsactHandle)
	if err == nil && kind != clsact {
		err = fmt.Errorf("a qdisc of kind %q is in the place of %s: take it off the interface", kind, clsact)
	}
	return err
}

func (c *Conn) qdiscKind(index int, handle uint32) (kind string, err error) {
	replies, err := c.execute(request{
		kind: unix.RTM_GETQDISC, flags: netlink.Dump, header: tcHeader(index, 0, 0, 0),
	})
	if err != nil {
		return "", fmt.Errorf("listing qdiscs: %w", err)
	}
	want := tcHeader(index, handle, 0, 0)
	for _, m := range replies {
		ad, err := attributes(m, sizeofTC)
		if err != nil {
			return "", fmt.Errorf("listing qdiscs: %w", err)
		}
		if !bytes.Equal(m.Data[4:12], want[4:12]) { // the list is of all interfaces
			continue
		}
		for ad.Next() {
			if ad.Type() == tcaKind {
				kind = ad.String()
			}
		}
		if err := ad.Err(); err != nil {
			return "", fmt.Errorf("listing qdiscs: %w", err)
		}
	}
	return kind, nil
}

// Filter is the number of the program in the gate's filter, as the kernel counts programs; zero when there is none.
func (c *Conn) Filter(index int, d Direction) (program uint32, err error) {
	replies, err := c.execute(request{kind: unix.RTM_GETTFILTER, header: filterHeader(index, d)})
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL): // without filter, and without clsact
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("looking for the filter on %s of interface %d: %w", d, index, err)
	}
	for _, m := range replies {
		ad, err := attributes(m, sizeofTC)
		if err != nil {
			return 0, fmt.Errorf("looking for the filter on %s of interface %d: %w", d, index, err)
		}
		for ad.Next() {
			if ad.Type() == tcaOptions {
				ad.Nested(func(options *netlink.AttributeDecoder) error {
					for options.Next() {
						if options.Type() == tcaBPFID {
							program = options.Uint32()
						}
					}
					return nil
				})
			}
		}
		if err := ad.Err(); err != nil {
			return 0, fmt.Errorf("looking for the filter on %s of interface %d: %w", d, index, err)
		}
	}
	return program, nil
}

// OtherFilters tells whether somebody else has filters in the place.
func (c *Conn) OtherFilters(index int, d Direction) (bool, error) {
	replies, err := c.execute(request{
		kind: unix.RTM_GETTFILTER, flags: netlink.Dump, header: tcHeader(index, 0, d.parent(), 0),
	})
	if err != nil {
		return false, fmt.Errorf("listing the filters on %s of interface %d: %w", d, index, err)
	}
	for _, m := range replies {
		if len(m.Data) < sizeofTC {
			return false, fmt.Errorf("listing the filters on %s of interface %d: %d bytes are too few", d, index, len(m.Data))
		}
		handle, info := binary.NativeEndian.Uint32(m.Data[8:12]), binary.NativeEndian.Uint32(m.Data[16:20])
		// Each priority has an entry of its own in the list, without handle, before its filters.
		if handle != 0 && (handle != filterHandle || info>>16 != filterPriority) {
			return true, nil
		}
	}
	return false, nil
}

// RemoveFilter takes the gate's filter off an interface; one that is absent is removed. The place where it hung stays.
func (c *Conn) RemoveFilter(index int, d Direction) error {
	_, err := c.execute(request{
		kind:   unix.RTM_DELTFILTER,
		flags:  netlink.Acknowledge,
		header: filterHeader(index, d),
		encode: func(ae *netlink.AttributeEncoder) { ae.String(tcaKind, "bpf") },
	})
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("removing the filter on %s of interface %d: %w", d, index, err)
	}
	return nil
}

func filterHeader(index int, d Direction) []byte {
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return tcHeader(index, filterHandle, d.parent(), filterPriority<<16|uint32(protocol))
}

func tcHeader(index int, handle, parent, info uint32) []byte {
	header := make([]byte, sizeofTC)
	binary.NativeEndian.PutUint32(header[4:8], uint32(index))
	binary.NativeEndian.PutUint32(header[8:12], handle)
	binary.NativeEndian.PutUint32(header[12:16], parent)
	binary.NativeEndian.PutUint32(header[16:20], info)
	return header
}
