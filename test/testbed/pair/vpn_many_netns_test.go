//go:build netns

package pair_test

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

// site is one of many other sites.
type site int

func (s site) name() string { return fmt.Sprintf("site%d", s) }

// gateway returns the address of the site's end of the tunnel, and host one of its hosts.
func (s site) gateway() string { return fmt.Sprintf("203.0.113.%d", 100+s) }

func (s site) host() string { return fmt.Sprintf("10.77.%d.1", s) }

// tunnel returns the tunnel in the document of the pair.
func (s site) tunnel() string {
	return fmt.Sprintf(`
    - name: %s
      localAddress: 203.0.113.1
      remoteAddress: %s
      presharedKey: {key: branch}
      localNetworks: [192.168.50.0/24]
      remoteNetworks: [10.77.%d.0/24]
      initiation: Respond`, s.name(), s.gateway(), s)
}

// connection returns the connection in the configuration of the peer.
func (s site) connection() string {
	return fmt.Sprintf(`
  %[1]s {
    version = 2
    local_addrs = %[2]s
    remote_addrs = 203.0.113.1
    proposals = aes256gcm16-prfsha384-ecp384
    local {
      auth = psk
    }
    remote {
      auth = psk
    }
    children {
      %[1]s {
        local_ts = 10.77.%[3]d.0/24
        remote_ts = 192.168.50.0/24
        esp_proposals = aes256gcm16-ecp384
      }
    }
  }`, s.name(), s.gateway(), s)
}

// ordinary lets the LAN open connections to the WAN as well, which are compared with those through tunnels.
const ordinary = `
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  vpn:`

// sitesOf returns the documents of the pair and of the peer for a number of sites.
func sitesOf(count int) (document, configuration string) {
	document, _, _ = strings.Cut(tunnelled, "    - name: branch\n")
	document = strings.Replace(document, "203.0.113.9", "203.0.113.0/24", 1)
	document = strings.Replace(document, "\n  vpn:", ordinary, 1)
	configuration = "connections {"
	for s := range site(count) {
		document += s.tunnel()
		configuration += s.connection()
	}
	return document, configuration + "\n}\nsecrets {\n  ike-all {\n    secret = \"" + tunnelKey + "\"\n  }\n}\n"
}

// manyTunnels is a pair with tunnels to many sites. Only these can set them up.
type manyTunnels struct {
	*pair.Pair
	t     *testing.T
	peer  *strongswan.Peer
	count int
	// control does not go through a tunnel. Each tunnel has a connection of either kind.
	control  *traffic.Trial
	tcp, udp []*traffic.Trial
}

func newManyTunnels(t *testing.T, count int) *manyTunnels {
	t.Helper()
	document, configuration := sitesOf(count)
	m := &manyTunnels{t: t, count: count, Pair: pair.New(t, pair.Options{
		Providers: true, Gate: true, Document: document, VPNSecret: tunnelSecret, Replicated: []state.Class{state.VPN},
	})}
	for s := range site(count) {
		m.Server.Link(t, "wan0").Address(s.gateway() + "/24")
		m.Server.Link(t, "lo").Address(s.host() + "/32")
	}
	m.peer = strongswan.Start(t, m.Server, configuration, nil)
	m.Server.Run(t, "ip route add 192.168.50.0/24 dev ipsec0")
	testbed.Eventually(t, "the active unit has loaded the tunnels", func() bool {
		return strings.Count(m.Active.VPNLog(), "Loaded tunnel") == count
	})
	return m
}

// setUp sets the tunnels up.
func (m *manyTunnels) setUp() {
	m.t.Helper()
	for s := range site(m.count) {
		m.peer.Swanctl("--initiate", "--child", s.name())
	}
	m.awaitPassive()
}

// awaitPassive waits until the standby has all tunnels.
func (m *manyTunnels) awaitPassive() {
	m.t.Helper()
	awaitPassive(m.t, m.Standby, m.count)
}

// connect opens the connections, on which numbers are sent in an interval.
func (m *manyTunnels) connect(interval time.Duration) {
	m.t.Helper()
	open := func(kind traffic.Kind, host string) *traffic.Trial {
		return traffic.Start(m.t, kind, m.Network, netip.AddrPortFrom(netip.MustParseAddr(host), 0), interval)
	}
	m.control = open(traffic.UDP, testbed.ServerAddress)
	for s := range site(m.count) {
		m.tcp = append(m.tcp, open(traffic.TCP, s.host()))
		m.udp = append(m.udp, open(traffic.UDP, s.host()))
	}
}

// continueAll waits until numbers come back on all connections.
func (m *manyTunnels) continueAll() {
	m.t.Helper()
	all := append(slices.Concat(m.tcp, m.udp), m.control)
	var before []int
	for _, trial := range all {
		heard, _ := trial.Heard()
		before = append(before, len(heard))
	}
	const continuing = 20
	for i, trial := range all {
		testbed.Eventually(m.t, "the connection continues", func() bool {
			heard, broken := trial.Heard()
			if broken != nil {
				m.t.Fatalf("The connection to %s broke: %v", trial.Client(), broken)
			}
			return len(heard) >= before[i]+continuing
		})
	}
}

// gapBound is how much longer than ordinary connections those through 50 tunnels may be silent.
const gapBound = 300 * time.Millisecond

// move moves the role. All connections go on. It prints how long they were silent.
func (m *manyTunnels) move(what string, move func() time.Duration) {
	m.t.Helper()
	m.Active.Flush()
	began := time.Now()
	move()
	m.continueAll()
	longest := func(trials ...*traffic.Trial) (silence time.Duration) {
		for _, trial := range trials {
			silence = max(silence, trial.Report(began).Longest.Length)
		}
		return silence.Round(time.Millisecond)
	}
	udp, tcp, control := longest(m.udp...), longest(m.tcp...), longest(m.control)
	m.t.Logf("%s: UDP through %d tunnels was silent for at most %s, which is %s more than without a tunnel (promised: "+
		"%s); TCP for at most %s", what, m.count, udp, udp-control, gapBound, tcp)
}

// wereSetUpOnce fails if a tunnel was ever set up again.
func (m *manyTunnels) wereSetUpOnce() {
	m.t.Helper()
	log := m.peer.Program.Log.String()
	if n := strings.Count(log, "initiating IKE_SA"); n != m.count {
		m.t.Errorf("the peer has set up %d tunnels, want %d", n, m.count)
	}
	if strings.Contains(log, "parsed IKE_SA_INIT request") {
		m.t.Error("the pair has set up a tunnel, although it should only respond")
	}
}

// logLoad prints the memory of the programs of both units, and what they use of a processor meanwhile.
func (m *manyTunnels) logLoad(when string) {
	m.t.Helper()
	const period = 5 * time.Second
	units := []*pair.Unit{m.Active, m.Standby}
	var before []map[string]time.Duration
	for _, u := range units {
		before = append(before, u.ProcessorTimes())
	}
	began := time.Now()
	testbed.Pause(m.t, period)
	for i, u := range units {
		times, took, memory := u.ProcessorTimes(), time.Since(began), u.Memory()
		for _, program := range slices.Sorted(maps.Keys(memory)) {
			m.t.Logf("%s: %s of unit %s has %.1f MiB, and uses %.2f %% of a processor", when, program, u.Name,
				float64(memory[program].Resident)/(1<<20), 100*(times[program]-before[i][program]).Seconds()/took.Seconds())
		}
	}
}

// TestManyTunnelsSurvive has connections through tunnels, 50 in the long run. They go on after a loss of power, after
// the way back, and after another change. It prints how long they are silent, and the load of the units.
func TestManyTunnelsSurvive(t *testing.T) {
	count, interval, isLong := 5, 5*time.Millisecond, os.Getenv(longVariable) != ""
	if isLong {
		count, interval = 50, 20*time.Millisecond
	}
	m := newManyTunnels(t, count)
	logLoad := func(when string) {
		if isLong {
			m.logLoad(when)
		}
	}
	logLoad("without tunnels")
	m.setUp()
	logLoad(fmt.Sprintf("with %d tunnels at rest", count))
	m.connect(interval)
	logLoad(fmt.Sprintf("with traffic through %d tunnels", count))
	m.move("loss of power", m.Failover)
	m.Return()
	m.awaitPassive()
	m.move("way back", m.Switchover)
	m.awaitPassive()
	if isLong {
		m.move("switchover", m.Switchover)
		m.awaitPassive()
	}
	m.wereSetUpOnce()
}
