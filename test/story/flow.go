package story

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
)

// flowPoll is how often a kernel is asked for the connection: it bounds how exactly its arrival is timed.
const flowPoll = time.Millisecond

// kernel is the connection table of one unit, read from outside with a library that is not the product's own codec.
type kernel struct{ handle *netlink.Handle }

func openKernel(pid int) (*kernel, error) {
	ns, err := netns.GetFromPath(namespace.OfProcess(pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	return &kernel{handle: handle}, nil
}

func (k *kernel) close() { k.handle.Close() }

// translation finds the TCP connection from a client's address and returns where its answers go: the address and port
// that the server sees.
func (k *kernel) translation(from netip.AddrPort) (netip.AddrPort, bool, error) {
	family := netlink.InetFamily(unix.AF_INET)
	if from.Addr().Is6() {
		family = unix.AF_INET6
	}
	flows, err := k.handle.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		return netip.AddrPort{}, false, fmt.Errorf("dumping the connection table: %w", err)
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
func (k *kernel) waitForConnection(ctx context.Context, from netip.AddrPort) (netip.AddrPort, error) {
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
