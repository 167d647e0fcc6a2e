package story

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/test/namespace"
)

// flowPoll is how often a kernel is asked for the connection: it bounds how exactly its arrival is timed.
const flowPoll = time.Millisecond

// Kernel is the connection table of one unit, read from outside with a library that is not the product's own codec.
type Kernel struct{ handle *netlink.Handle }

// OpenKernel opens the table of a unit's pod, which must run. Close closes it.
func OpenKernel(pod *corev1.Pod) (*Kernel, error) {
	pid, err := podProcess(pod.UID)
	if err != nil {
		return nil, err
	}
	ns, err := netns.GetFromPath(namespace.OfProcess(pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	return &Kernel{handle: handle}, nil
}

// Close closes it.
func (k *Kernel) Close() { k.handle.Close() }

// Established counts the TCP connections to a server that the table has as established.
func (k *Kernel) Established(to netip.AddrPort) (int, error) {
	flows, err := k.flows(to.Addr())
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

// flows are all connections of an address' family.
func (k *Kernel) flows(address netip.Addr) ([]*netlink.ConntrackFlow, error) {
	family := netlink.InetFamily(unix.AF_INET)
	if address.Is6() {
		family = unix.AF_INET6
	}
	flows, err := k.handle.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		return nil, fmt.Errorf("dumping the connection table: %w", err)
	}
	return flows, nil
}

// translation finds the TCP connection from a client's address and returns where its answers go: the address and port
// that the server sees.
func (k *Kernel) translation(from netip.AddrPort) (netip.AddrPort, bool, error) {
	flows, err := k.flows(from.Addr())
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

// waitForConnection waits until the connection is in the table, and returns its translation.
func (k *Kernel) waitForConnection(ctx context.Context, from netip.AddrPort) (netip.AddrPort, error) {
	clock := time.NewTicker(flowPoll)
	defer clock.Stop()
	for {
		translated, found, err := k.translation(from)
		if found || err != nil {
			return translated, err
		}
		select {
		case <-ctx.Done():
			return translated, fmt.Errorf("connection %s is not in the standby's kernel: %w", from, ctx.Err())
		case <-clock.C:
		}
	}
}
