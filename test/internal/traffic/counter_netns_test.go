//go:build netns

package traffic_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
)

// The cable of the server is pulled for a while.
func TestSilenceIsMeasured(t *testing.T) {
	network := testbed.NewNetwork(t)
	network.Primary.Link(t, "lan0").Address(testbed.VirtualLAN.String())
	network.Primary.Link(t, "wan0").Address(testbed.VirtualWAN.String())
	server := netip.MustParseAddr(testbed.ServerAddress)
	tickers := map[string]*traffic.Trial{
		"TCP": traffic.Start(t, traffic.TCP, network, netip.AddrPortFrom(server, 7001), 5*time.Millisecond),
		"UDP": traffic.Start(t, traffic.UDP, network, netip.AddrPortFrom(server, 7002), time.Millisecond),
	}
	const outage = 300 * time.Millisecond
	pulled := time.Now()
	network.Server.Link(t, "wan0").Down()
	<-time.After(outage)
	network.Server.Link(t, "wan0").Up()
	for name, k := range tickers {
		testbed.Eventually(t, name+" continues", func() bool {
			heard, _ := k.Heard()
			since := traffic.Flowing(heard, time.Now(), 50*time.Millisecond)
			return since.After(pulled.Add(outage/2)) && time.Since(since) > 100*time.Millisecond
		})
		heard, broken := k.Heard()
		silence := traffic.Longest(heard, pulled, time.Now())
		if broken != nil || silence.Open || silence.Length < outage/2 || silence.Length > testbed.Timeout {
			t.Errorf("%s: longest silence %+v, %v", name, silence, broken)
		}
		if k.Client().Addr() != testbed.VirtualWAN.Addr() {
			t.Errorf("%s: the server sees %s", name, k.Client())
		}
		t.Logf("%s: silent for %s", name, silence.Length)
	}
}
