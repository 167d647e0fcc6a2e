package rtnetlink

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// filterPriority puts the gate's filters before all other filters of the interface.
	filterPriority = 1
	// filterHandle identifies the gate's filters among those of the same priority.
	filterHandle = 0x68617061
)

// Direction is the direction of the packets that a filter sees.
type Direction int

// The directions.
const (
	Ingress Direction = iota
	Egress
)

// String returns the direction as tc prints it.
func (d Direction) String() string {
	if d == Ingress {
		return "ingress"
	}
	return "egress"
}

func (d Direction) parent() uint32 {
	if d == Ingress {
		return netlink.HANDLE_MIN_INGRESS
	}
	return netlink.HANDLE_MIN_EGRESS
}

// Filter is a BPF program that decides about every packet of an interface in one direction. The kernel holds the
// program as long as the interface exists, even after the process has ended.
type Filter struct {
	Name string
	// Program is the file descriptor of the program.
	Program int
}

// SetFilter installs the gate's filter on an interface. It replaces an earlier one atomically: no packet passes without
// a filter. It removes other filters of the gate's priority, since the kernel asks the newest of a priority first.
func (c *Conn) SetFilter(index int, d Direction, f Filter) error {
	err := c.addClsact(index)
	if err == nil {
		err = c.handle.FilterReplace(&netlink.BpfFilter{
			FilterAttrs: filterAttributes(index, d), Fd: f.Program, Name: f.Name, DirectAction: true,
		})
	}
	if err == nil {
		err = c.removeRivals(index, d)
	}
	if err != nil {
		return fmt.Errorf("installing filter %s on %s of interface %d: %w", f.Name, d, index, explainFilter(err))
	}
	return nil
}

// removeRivals removes the filters of others that have the gate's priority.
func (c *Conn) removeRivals(index int, d Direction) error {
	present, err := c.filters(index, d)
	errs := []error{err}
	for _, f := range present {
		if isRival(f) {
			err := c.handle.FilterDel(f)
			if !errors.Is(err, unix.ENOENT) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// isRival reports whether a filter may see packets before the gate's.
func isRival(f netlink.Filter) bool {
	return f.Attrs().Handle != 0 && f.Attrs().Priority == filterPriority && !isGate(f)
}

// explainFilter adds the remedy to the kernel's error.
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

// addClsact adds the qdisc that holds filters of both directions, and leaves an existing one alone. A qdisc of kind
// ingress uses the same handle. The kernel would accept an egress filter there and show it incoming packets, so
// addClsact therefore refuses one.
func (c *Conn) addClsact(index int) error {
	err := c.handle.QdiscAdd(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}})
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	qdiscs, err := dump(func() ([]netlink.Qdisc, error) { return c.handle.QdiscList(linkOf(index)) })
	if err != nil {
		return fmt.Errorf("listing qdiscs: %w", err)
	}
	for _, q := range qdiscs {
		if q.Attrs().Handle == netlink.MakeHandle(0xffff, 0) && q.Type() != "clsact" {
			return fmt.Errorf("a qdisc of kind %q is in the place of clsact: remove it from the interface", q.Type())
		}
	}
	return nil
}

// Filter returns the kernel's ID of the program in the gate's filter. It returns zero without a filter, and if another
// filter may see packets before it.
func (c *Conn) Filter(index int, d Direction) (program uint32, err error) {
	filters, err := c.filters(index, d)
	if err != nil {
		return 0, err
	}
	for _, f := range filters {
		if isRival(f) {
			return 0, nil
		}
		if bpf, ok := f.(*netlink.BpfFilter); ok && isGate(f) {
			program = uint32(bpf.Id)
		}
	}
	return program, nil
}

// OtherFilters reports whether the interface has filters in that direction besides the gate's.
func (c *Conn) OtherFilters(index int, d Direction) (bool, error) {
	filters, err := c.filters(index, d)
	for _, f := range filters {
		// The kernel lists each priority once without a handle, before the filters of that priority.
		if f.Attrs().Handle != 0 && !isGate(f) {
			return true, err
		}
	}
	return false, err
}

// filters lists the filters of one direction. An interface without clsact has none.
func (c *Conn) filters(index int, d Direction) ([]netlink.Filter, error) {
	found, err := dump(func() ([]netlink.Filter, error) { return c.handle.FilterList(linkOf(index), d.parent()) })
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("listing the filters on %s of interface %d: %w", d, index, err)
	}
	return found, nil
}

func isGate(f netlink.Filter) bool {
	return f.Attrs().Handle == filterHandle && f.Attrs().Priority == filterPriority
}

// RemoveFilter removes the gate's filter from an interface. Removing an absent filter succeeds. The qdisc stays.
func (c *Conn) RemoveFilter(index int, d Direction) error {
	err := c.handle.FilterDel(&netlink.BpfFilter{FilterAttrs: filterAttributes(index, d), Fd: -1})
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("removing the filter on %s of interface %d: %w", d, index, err)
	}
	return nil
}

func filterAttributes(index int, d Direction) netlink.FilterAttrs {
	return netlink.FilterAttrs{
		LinkIndex: index, Handle: filterHandle, Parent: d.parent(), Priority: filterPriority, Protocol: unix.ETH_P_ALL,
	}
}
