//go:build netns

package sidecar

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// The sockets of the control plane answer the pod network and processes of the pod. They do not answer what arrives for
// the pod's address at another interface, though no gate is on that one.
func TestControlPlaneAnswersAtThePodsInterfaceOnly(t *testing.T) {
	for family, c := range map[string]struct{ pod, pods, other, far string }{
		"IPv4": {"10.244.1.5/24", "10.244.1.1/24", "192.0.2.1/24", "192.0.2.9/24"},
		"IPv6": {"fd00:10:244:1::5/64", "fd00:10:244:1::1/64", "2001:db8:77::1/64", "2001:db8:77::9/64"},
	} {
		t.Run(family, func(t *testing.T) {
			makeTrafficInterfaces(t)
			pods, segment := testbed.NewNamespace(t, "pods"), testbed.NewNamespace(t, "segment")
			testbed.Wire(t, testbed.Own(), "eth0", pods, "pods0")
			testbed.Wire(t, testbed.Own(), "other", segment, "segment0")
			testbed.Own().Link(t, "eth0").Address(c.pod)
			testbed.Own().Link(t, "other").Address(c.other)
			pods.Link(t, "pods0").Address(c.pods)
			segment.Link(t, "segment0").Address(c.far).Route(netip.MustParsePrefix(c.other).Addr().String())
			pod := netip.MustParsePrefix(c.pod).Addr()
			t.Setenv("POD_IP", pod.String())
			at := func(port int) string { return net.JoinHostPort(pod.String(), strconv.Itoa(port)) }
			runSidecarWhile(t, func(map[string]any) {}, at(contract.HealthPort), func() {
				for _, port := range contract.ReservedPorts() {
					address := at(int(port))
					if err := connect(t, dialIn(pods), address); err != nil {
						t.Errorf("port %d from the pod network: %v", port, err)
					}
					if err := connect(t, (&net.Dialer{}).DialContext, address); err != nil {
						t.Errorf("port %d from the pod: %v", port, err)
					}
					if err := connect(t, dialIn(segment), address); err == nil {
						t.Errorf("port %d answers at another interface", port)
					}
				}
			}, "--metrics-bind-address="+at(contract.MetricsPort))
		})
	}
}

// dial opens a connection, as net.Dialer does.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// dialIn opens connections from a namespace.
func dialIn(from *testbed.Namespace) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return namespace.Dial(ctx, namespace.Named(from.Name), network, address)
	}
}

// connect opens a TCP connection and closes it again.
func connect(t *testing.T, open dial, address string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	conn, err := open(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", address, err)
	}
	return conn.Close()
}
