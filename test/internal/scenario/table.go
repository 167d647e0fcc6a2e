package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
)

// tablePoll is the interval between two reads of a connection table. It limits how exactly an arrival is timed.
const tablePoll = time.Millisecond

// ConnectionTable is the connection table of one unit, read from outside with a library that is not the product's own
// codec.
type ConnectionTable struct{ handle *netlink.Handle }

// OpenConnectionTable opens the table of a unit's running pod.
func OpenConnectionTable(pod *corev1.Pod) (*ConnectionTable, error) {
	path, err := PodNamespace(pod)
	if err != nil {
		return nil, err
	}
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	return &ConnectionTable{handle: handle}, nil
}

// PodNamespace returns the path of the network namespace of a running pod.
func PodNamespace(pod *corev1.Pod) (string, error) {
	pid, err := podProcess(pod.UID)
	if err != nil {
		return "", err
	}
	return namespace.OfProcess(pid), nil
}

// Close releases the table.
func (t *ConnectionTable) Close() { t.handle.Close() }

// Established returns the number of established TCP connections to a server.
func (t *ConnectionTable) Established(to netip.AddrPort) (int, error) {
	flows, err := t.flows(to.Addr())
	count := 0
	for _, f := range flows {
		destination, _ := netip.AddrFromSlice(f.Forward.DstIP)
		tcp, ok := f.ProtoInfo.(*netlink.ProtoInfoTCP)
		if ok && tcp.State == nl.TCP_CONNTRACK_ESTABLISHED &&
			netip.AddrPortFrom(destination.Unmap(), f.Forward.DstPort) == to {
			count++
		}
	}
	return count, err
}

// flows returns all connections of an address' family.
func (t *ConnectionTable) flows(address netip.Addr) ([]*netlink.ConntrackFlow, error) {
	family := netlink.InetFamily(unix.AF_INET)
	if address.Is6() {
		family = unix.AF_INET6
	}
	flows, err := t.handle.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		return nil, fmt.Errorf("dumping the connection table: %w", err)
	}
	return flows, nil
}

// translation finds the TCP connection from a client's address. It returns the address and port that the server sees.
func (t *ConnectionTable) translation(from netip.AddrPort) (netip.AddrPort, bool, error) {
	flows, err := t.flows(from.Addr())
	if err != nil {
		return netip.AddrPort{}, false, err
	}
	for _, f := range flows {
		source, ok := netip.AddrFromSlice(f.Forward.SrcIP)
		if !ok || f.Forward.Protocol != unix.IPPROTO_TCP || netip.AddrPortFrom(source.Unmap(), f.Forward.SrcPort) != from {
			continue
		}
		answers, _ := netip.AddrFromSlice(f.Reverse.DstIP)
		return netip.AddrPortFrom(answers.Unmap(), f.Reverse.DstPort), true, nil
	}
	return netip.AddrPort{}, false, nil
}

// awaitConnection waits until the connection is in the table, and returns its translation.
func (t *ConnectionTable) awaitConnection(ctx context.Context, from netip.AddrPort) (netip.AddrPort, error) {
	var translated netip.AddrPort
	what := fmt.Sprintf("connection %s in the standby's kernel", from)
	err := poll.Until(ctx, tablePoll, what, func(context.Context) (err error) {
		var found bool
		if translated, found, err = t.translation(from); err == nil && !found {
			return errors.New("it is not there")
		}
		return poll.Permanent(err)
	})
	return translated, err
}
