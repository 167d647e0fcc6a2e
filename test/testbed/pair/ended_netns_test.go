//go:build netns

package pair_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

const (
	// endedPort and voicePort are those of connections that end. The others keep theirs.
	endedPort, voicePort, otherPort = 5001, 5002, 5003
	voiceAccepted, voiceDropped     = "services: [voice], action: Accept", "services: [voice], action: Drop"
)

// office has a policy for one service, and one for all others.
const office = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  services:
  - {name: voice, protocol: UDP, ports: [5002]}
  policies:
  - {name: voice, from: [lan], to: [wan], ` + voiceAccepted + `}
  - {name: others, from: [lan], to: [wan], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
`

// officePair is a pair with the default firewall, and a connection that stays.
type officePair struct {
	*pair.Pair
	t               *testing.T
	active, standby router
	other           *traffic.Trial
}

func newOffice(t *testing.T) officePair {
	t.Helper()
	p := officePair{Pair: pair.New(t, pair.Options{Providers: true, Gate: true, Document: office}), t: t}
	p.active, p.standby = openRouter(t, p.Primary), openRouter(t, p.Secondary)
	p.other = p.count(traffic.TCP, testbed.ServerAddress, otherPort)
	return p
}

// count opens a connection to a port of the server.
func (p officePair) count(kind traffic.Kind, address string, port uint16) *traffic.Trial {
	p.t.Helper()
	to := netip.AddrPortFrom(netip.MustParseAddr(address), port)
	return traffic.Start(p.t, kind, p.Network, to, 5*time.Millisecond)
}

// entries returns how many connections to a port a router has.
func (r router) entries(port uint16) (n int) {
	r.t.Helper()
	err := r.namespace.Do(func() error {
		return conntrack.Dump(r.t.Context(), func(f conntrack.Flow) error {
			if f.Orig.DstPort == port {
				n++
			}
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// wantEntries checks how many connections to a port each unit has, once the standby has every change.
func (p officePair) wantEntries(port uint16, want int) {
	p.t.Helper()
	p.Active.Flush()
	for name, r := range map[string]router{"active": p.active, "standby": p.standby} {
		if got := r.entries(port); got != want {
			p.t.Errorf("the %s has %d connections to port %d, want %d", name, got, port, want)
		}
	}
	if p.active.entries(otherPort) != 1 || p.standby.entries(otherPort) != 1 {
		p.t.Error("a unit lacks the other connection")
	}
}

// wantEndedAfterFailover checks that connections to a port stay ended at the new active, while the other one continues.
func (p officePair) wantEndedAfterFailover(port uint16, ended ...*traffic.Trial) {
	p.t.Helper()
	p.other.Continues() // What was on its way to the client has arrived.
	var before []int
	for _, c := range ended {
		heard, _ := c.Heard()
		before = append(before, len(heard))
	}
	p.Failover()
	p.other.Continues()
	for i, c := range ended {
		if heard, _ := c.Heard(); len(heard) != before[i] {
			p.t.Errorf("an ended connection continues with %d numbers", len(heard)-before[i])
		}
	}
	if n := p.standby.entries(port); n != 0 {
		p.t.Errorf("the new active has %d connections to port %d:\n%s", n, port, p.Secondary.Run(p.t, "conntrack -L"))
	}
}

// A person ends connections by a filter at the active. They end at the standby too, and stay ended after a failover.
func TestConnectionsEndedByFilterStayEndedAfterAFailover(t *testing.T) {
	p := newOffice(t)
	tcp := p.count(traffic.TCP, testbed.ServerAddress, endedPort)
	tcp6 := p.count(traffic.TCP, testbed.ServerAddressIPv6, endedPort)
	p.wantEntries(endedPort, 2)
	if out := p.EndConnections(fmt.Sprintf("--port=%d", endedPort)); !strings.Contains(out, "Ended 2 connections") {
		t.Errorf("the command printed %q", out)
	}
	p.wantEntries(endedPort, 0)
	p.wantEndedAfterFailover(endedPort, tcp, tcp6)
}

// A policy of the active becomes Drop. The connections that it allowed end at the standby too, which does not have the
// new document yet, and stay ended after a failover.
func TestConnectionsEndedByAPolicyStayEndedAfterAFailover(t *testing.T) {
	p := newOffice(t)
	voice := p.count(traffic.UDP, testbed.ServerAddress, voicePort)
	p.wantEntries(voicePort, 1)
	without := strings.Replace(office, voiceAccepted, voiceDropped, 1)
	p.Active.Enforce(without)
	testbed.Eventually(t, "the connection ends at the active", func() bool { return p.active.entries(voicePort) == 0 })
	p.wantEntries(voicePort, 0)
	p.Standby.Enforce(without)
	p.wantEndedAfterFailover(voicePort, voice)
}
