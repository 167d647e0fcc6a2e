package failover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
)

// The management network connects the units with the API server.
const (
	managementBridge    = "management"
	managementInterface = "mgmt0"
	managementPrefix    = "/24"
	apiServerAddress    = "10.98.0.1"
)

// readyTimeout bounds the wait for a pair to become redundant.
const readyTimeout = time.Minute

// router is the machine of one unit.
type router struct {
	name       string // primary or secondary
	namespace  *testbed.Namespace
	sync       string // its address on the link between the units
	management string // and on that to the API server
	power      *powerSwitch
	// lan and wan are the MAC addresses with which it forwards.
	lan, wan tracer.Station
}

func (r *router) path() string { return namespace.Named(r.namespace.Name) }

// bed is the network of one run. The primary is active until the event.
type bed struct {
	t         testing.TB
	network   *testbed.Network
	primary   *router
	secondary *router
	// directory holds the files of the run. Its logs are kept if the run fails.
	directory string
}

var ports atomic.Uint32 // makes the names of switch ports unique, since a removed port lingers for a moment

// closedRules keep the routers' own stacks from answering on the networks that they forward between. Otherwise a router
// with the virtual address would reset connections that it has not received yet.
const closedRules = `
table inet router {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname { "lo", "sync0", "mgmt0" } accept
		meta l4proto { vrrp, icmp, ipv6-icmp } accept
		ct state established,related accept
	}
}
`

// newBed creates a network whose routers are connected to the management switch.
func newBed(t testing.TB, management *testbed.Namespace, directory string) *bed {
	t.Helper()
	b := &bed{t: t, network: testbed.NewNetwork(t), directory: directory}
	b.primary = newRouter(t, management, "primary", b.network.Primary, testbed.PrimarySync, "10.98.0.2")
	b.secondary = newRouter(t, management, "secondary", b.network.Secondary, testbed.SecondarySync, "10.98.0.3")
	return b
}

func newRouter(
	t testing.TB, management *testbed.Namespace, name string, n *testbed.Namespace, sync, address string,
) *router {
	t.Helper()
	r := &router{name: name, namespace: n, sync: sync, management: address}
	management.Plug(t, managementBridge, n, managementInterface, "m"+strconv.Itoa(int(ports.Add(1))))
	n.Link(t, managementInterface).Address(address + managementPrefix)
	n.Firewall(t, closedRules)
	err := n.Do(func() (err error) {
		if r.lan, err = macOf("lan0"); err == nil {
			r.wan, err = macOf("wan0")
		}
		return err
	})
	if err != nil {
		t.Fatalf("Reading the MAC addresses of %s: %v", name, err)
	}
	r.power = newPowerSwitch(t, n, "sync0", managementInterface, "lan0", "wan0")
	return r
}

func macOf(name string) (tracer.Station, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return tracer.Station{}, err
	}
	if len(i.HardwareAddr) != len(tracer.Station{}) {
		return tracer.Station{}, fmt.Errorf("%s has no Ethernet address", name)
	}
	return tracer.Station(i.HardwareAddr), nil
}

func (b *bed) file(name string) string { return filepath.Join(b.directory, name) }

func (b *bed) routers() []*router { return []*router{b.primary, b.secondary} }

// write writes a file of the run and returns its path.
func (b *bed) write(name, content string, mode os.FileMode) string {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.file(name)), 0o700); err != nil {
		b.t.Fatalf("Writing %s: %v", name, err)
	}
	if err := os.WriteFile(b.file(name), []byte(content), mode); err != nil {
		b.t.Fatalf("Writing %s: %v", name, err)
	}
	return b.file(name)
}

// await waits until ask returns no error.
func (b *bed) await(what string, ask func(context.Context) error) {
	b.t.Helper()
	if err := b.wait(what, ask); err != nil {
		b.t.Fatal(err)
	}
}

// wait waits like await, but returns the error.
func (b *bed) wait(what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(b.t.Context(), readyTimeout)
	defer cancel()
	return poll.Until(ctx, 20*time.Millisecond, what, ask)
}

var errVirtualAddress = errors.New("the virtual address is missing")

// holdsVirtualAddress returns an error unless the router has the virtual address of the WAN.
func (r *router) holdsVirtualAddress() error {
	return r.namespace.Do(func() error {
		i, err := net.InterfaceByName("wan0")
		if err != nil {
			return err
		}
		addresses, err := i.Addrs()
		if err != nil {
			return err
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == testbed.VirtualWAN.Addr() {
				return nil
			}
		}
		return fmt.Errorf("%s: %w", r.name, errVirtualAddress)
	})
}
