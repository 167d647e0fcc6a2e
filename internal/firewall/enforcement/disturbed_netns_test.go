//go:build netns

package enforcement_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// Programs on the active add better routes, rules before those of the data plane, and change its interfaces. Each time
// its client reaches all addresses and the network behind it again, and the role stays.
func TestWhatDisturbsTheDataPlaneIsUndone(t *testing.T) {
	b := newDualStack(t)
	s := b.stream(allowedPort)
	reached := func() bool {
		for _, address := range []string{virtualLAN, virtualLAN6, ownLAN6} {
			if _, err := b.client.Try("ping -n -c 1 -W 1 " + address); err != nil {
				return false
			}
		}
		return true
	}
	testbed.Eventually(t, "all addresses are reached", reached)
	term := b.Status().Term
	b.router.Run(t, "ip link add other type bridge")
	for _, line := range []string{
		"ip route add blackhole " + serverAddress + " table 7780",
		"ip route add " + serverAddress + " dev lan table 7780 metric 1",
		"ip -6 route add unreachable " + clientAddress6 + " table 7780",
		"ip route add blackhole " + serverAddress + " table local",
		"ip rule add priority 100 iif lan blackhole",
		"ip -6 rule add priority 0 from " + virtualLAN6 + " prohibit",
		"ip link set lan master other",
		"ip link set lan arp off",
		"ip link set lan multicast off",
		"ip link set lan mtu 68",
	} {
		b.router.Run(t, line)
		testbed.Eventually(t, line+": all addresses are reached again", reached)
		testbed.Eventually(t, line+": the interface is as before", func() bool {
			return strings.Contains(b.router.Run(t, "ip link show lan"), "BROADCAST,MULTICAST,UP")
		})
		b.passes(s)
	}
	b.settingsAreUndone(
		"net.ipv4.conf.lan.forwarding=0", "net.ipv4.conf.wan.forwarding=0", "net.ipv4.conf.lan.rp_filter=1",
		"net.ipv4.conf.lan.arp_ignore=8", "net.ipv4.conf.lan.arp_filter=1", "net.ipv4.conf.lan.proxy_arp=1",
		"net.ipv4.conf.lan.proxy_arp_pvlan=1")
	b.settingsAreUndone("net.ipv4.neigh.lan.mcast_solicit=0", "net.ipv6.neigh.wan.ucast_solicit=0")
	for _, filter := range [][2]string{{"1", "2"}, {"0", "0"}} {
		all, own := filter[0], filter[1]
		b.router.Set(t, "net.ipv4.conf.all.rp_filter", all)
		testbed.Eventually(t, "the interface follows the filter "+all+" of all interfaces", func() bool {
			return strings.TrimSpace(b.router.Run(t, "sysctl -n net.ipv4.conf.lan.rp_filter")) == own
		})
	}
	rival := filepath.Join(t.TempDir(), "program") // It returns at once.
	if err := os.WriteFile(rival, []byte("1,6 0 0 4294967295,"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.router.Run(t, "tc filter add dev lan ingress pref 1 protocol all handle 2 bpf bytecode-file "+rival)
	testbed.Eventually(t, "no filter comes before that of the gate", func() bool {
		return !strings.Contains(b.router.Run(t, "tc filter show dev lan ingress"), "handle 0x2")
	})
	b.passes(s)
	testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
	if status := b.Status(); status.Role != "Active" || status.Term != term {
		t.Errorf("the unit reports %+v", status)
	}
}

// settingsAreUndone changes settings of the kernel, and waits until all are as before.
func (b *bed) settingsAreUndone(changes ...string) {
	b.Helper()
	before := map[string]string{}
	read := func(name string) string { return strings.TrimSpace(b.router.Run(b, "sysctl -n "+name)) }
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		if before[name] = read(name); before[name] == value {
			b.Fatalf("%s is %s already", name, value)
		}
	}
	b.router.Run(b, "sysctl -w "+strings.Join(changes, " "))
	for name, value := range before {
		testbed.Eventually(b, name+" is "+value+" again", func() bool { return read(name) == value })
	}
}

// A static neighbour with a wrong MAC address, which nothing of the unit has set, is reported until it is corrected.
func TestWrongStaticNeighbourIsReported(t *testing.T) {
	b := newActive(t, false)
	isReported := fails(contract.CheckNeighbours, serverAddress)
	right := b.server.Link(t, "server0").MAC().String()
	replace := "ip neigh replace " + serverAddress + " dev wan nud permanent lladdr "
	b.router.Run(t, replace+"02:00:00:00:00:99")
	testbed.Eventually(t, "the wrong neighbour is reported", func() bool { return isReported(b.Status()) })
	b.router.Run(t, replace+right)
	testbed.Eventually(t, "the right neighbour is not reported", func() bool { return !isReported(b.Status()) })
	if status := b.Status(); status.Role != "Active" || !programs.IsHealthy(status) {
		t.Errorf("the unit reports %+v", status)
	}
}

// What drops the packets of the data plane and is not the unit's to remove makes it unhealthy for as long as it is
// there.
func TestWhatBlocksTheDataPlaneMakesTheUnitUnhealthy(t *testing.T) {
	b := newActive(t, false)
	b.router.Run(t, "ip xfrm policy add dir fwd action block")
	isBlocked := fails(contract.CheckDataPlane, "IPsec")
	testbed.Eventually(t, "the unit is unhealthy", func() bool { return isBlocked(b.Status()) })
	b.router.Run(t, "ip xfrm policy flush")
	testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
}
