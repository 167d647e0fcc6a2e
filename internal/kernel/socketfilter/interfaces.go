package socketfilter

import (
	"fmt"
	"net"
	"net/netip"
)

// ControlPlane returns the indexes of the interfaces by which the control plane arrives: the one that has the pod's
// address, and the loopback interface, by which processes of the pod reach it.
func ControlPlane(pod netip.Addr) ([]int, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing the interfaces: %w", err)
	}
	var indexes []int
	found := false
	for _, i := range interfaces {
		has, err := hasAddress(i, pod)
		if err != nil {
			return nil, err
		}
		found = found || has
		if has || i.Flags&net.FlagLoopback != 0 {
			indexes = append(indexes, i.Index)
		}
	}
	if !found {
		return nil, fmt.Errorf("no interface has the pod's address %s", pod)
	}
	return indexes, nil
}

func hasAddress(i net.Interface, address netip.Addr) (bool, error) {
	addresses, err := i.Addrs()
	if err != nil {
		return false, fmt.Errorf("listing the addresses of %s: %w", i.Name, err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == address.Unmap() {
			return true, nil
		}
	}
	return false, nil
}
