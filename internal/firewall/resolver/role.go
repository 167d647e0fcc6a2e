package resolver

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

// roleTimeout bounds the question to the sidecar in the same pod.
const roleTimeout = time.Second

// activeRole is the role of an active unit, as the sidecar reports it.
const activeRole = "Active"

// AskSidecar reports whether the sidecar of the pod reports that the unit is active. Without an answer it is not. The
// sidecar answers at the pod's address on the pod network.
func AskSidecar(ctx context.Context) bool {
	return slices.ContainsFunc(podAddresses(), func(a netip.Addr) bool {
		return isActive(ctx, netip.AddrPortFrom(a, contract.HealthPort))
	})
}

// podAddresses returns the addresses of the pod on the pod network.
func podAddresses() (all []netip.Addr) {
	link, err := net.InterfaceByName(contract.PodInterface)
	if err != nil {
		return nil
	}
	addresses, err := link.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			all = append(all, prefix.Addr())
		}
	}
	return all
}

// isActive asks the sidecar at an address for the role.
func isActive(ctx context.Context, at netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(ctx, roleTimeout)
	defer cancel()
	url := "http://" + at.String() + contract.RolePath
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written that closing could lose.
	body, err := io.ReadAll(io.LimitReader(response.Body, 64))
	return err == nil && response.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == activeRole
}
