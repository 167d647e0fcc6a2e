//go:build netns

package enforcement_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// Tables are removed while the processes of the unit stand still, and so cannot close anything. Nothing is forwarded
// from then on.
func TestNothingIsForwardedOnceTablesAreRemoved(t *testing.T) {
	const (
		flush, ofFirewall = "flush ruleset", "delete table inet hapair"
		ofGate            = "delete table inet hapair_gate; delete table netdev hapair_gate"
	)
	for name, c := range map[string]struct {
		withoutBPF bool
		command    string
	}{
		"all rules":                                   {false, flush},
		"the firewall's table":                        {false, ofFirewall},
		"the firewall's table made dormant":           {false, "add table inet hapair { flags dormant; }"},
		"all rules, with a gate of nftables":          {true, flush},
		"the firewall's table, with such a gate":      {true, ofFirewall},
		"the tables of the gate":                      {true, ofGate},
		"the table of the gate for forwarded packets": {true, "delete table inet hapair_gate"},
		"the rules of the gate":                       {true, "flush table inet hapair_gate; flush table netdev hapair_gate"},
		"the rules of the gate for frames":            {true, "flush table netdev hapair_gate"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newActive(t, c.withoutBPF)
			allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
			b.passes(allowed)
			b.Sidecar.Signal(syscall.SIGSTOP)
			b.Firewall.Signal(syscall.SIGSTOP)
			b.passes(allowed)
			b.nft(c.command)
			removed := clock.Boot()
			testbed.Pause(t, 200*time.Millisecond)
			if n, m := allowed.count(removed), forbidden.count(0); n+m > 0 {
				t.Errorf("%d allowed datagrams and %d forbidden ones were forwarded", n, m)
			}
			b.Sidecar.Signal(syscall.SIGCONT)
			b.Firewall.Signal(syscall.SIGCONT)
			b.passes(allowed)
		})
	}
}

// Chains of the firewall are emptied while the processes of the unit stand still, and so cannot restore them. What the
// chains do not decide any more is dropped: nothing passes to the unit or through it that did not pass before, neither
// what the policies drop nor forged sources nor ICMP messages that no connection needs.
func TestWhatAnEmptiedChainLeavesUndecidedIsDropped(t *testing.T) {
	const (
		forgedSource, otherServer = "198.51.100.77", "198.51.100.10"
		emptied                   = 60 * time.Millisecond
	)
	b := newBed(t, false, false)
	b.Give(droppingDocument)
	b.StartFirewall()
	b.StartSidecar()
	b.AwaitActive()
	b.client.Link(t, "client0").Address(forgedSource + "/32")
	b.server.Link(t, "server0").Address(otherServer + "/24")
	allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
	toUnit := stream{testbed.NewStream(b, b.client, b.router, ownLAN+":5002")}
	forged := stream{testbed.NewStreamFrom(b, b.client, forgedSource+":0", b.server, otherServer+":5000")}
	needless := b.sendTimestamps()
	b.passes(allowed)
	for _, command := range []string{
		"flush table inet hapair", "delete chain inet hapair input",
		"arrival", "traffic.arrival", "sources", "reserved", "no-route-back", "spoofed", "input", "unjudged", "traffic.input",
		"traffic.unit", "state", "invalid", "unmatched", "forward", "traffic.forward", "from.lan.to.wan",
		"policy.forbidden",
	} {
		if !strings.Contains(command, " ") {
			command = "flush chain inet hapair " + command
		}
		b.Sidecar.Signal(syscall.SIGSTOP)
		b.Firewall.Signal(syscall.SIGSTOP)
		b.nft(command)
		testbed.Pause(t, emptied)
		b.Sidecar.Signal(syscall.SIGCONT)
		b.Firewall.Signal(syscall.SIGCONT)
		testbed.Eventually(t, "the rules are back", func() bool { return b.verify(droppingDocument) == nil })
		b.passes(allowed)
		passed := []int{forbidden.count(0), toUnit.count(0), forged.count(0), int(needless.Swap(0))}
		if !slices.Equal(passed, make([]int, len(passed))) {
			t.Errorf("after %q, %d forbidden datagrams, %d to the unit, %d forged ones and %d ICMP messages passed so far",
				command, passed[0], passed[1], passed[2], passed[3])
		}
	}
}

// Chains of translations are emptied or deleted in the same way. No connection passes untranslated.
func TestWhatAnEmptiedChainLeavesUntranslatedIsDropped(t *testing.T) {
	b := newBed(t, false, false)
	translating := strings.Replace(policies("first"), `"policies"`,
		`"sourceNAT":[{"name":"out","to":"wan","address":"`+virtualWAN+`"}],"policies"`, 1)
	b.Give(translating)
	b.StartFirewall()
	b.StartSidecar()
	b.AwaitActive()
	server := b.server.ListenUDP(t, serverAddress+":5000")
	var translated, untranslated atomic.Int64
	go func() { // It ends when the test closes the socket.
		for buffer := make([]byte, 8); ; {
			_, from, err := server.ReadFromUDPAddrPort(buffer)
			switch {
			case err != nil:
				return
			case from.Addr().Unmap().String() == virtualWAN:
				translated.Add(1)
			default:
				untranslated.Add(1)
			}
		}
	}()
	testbed.Background(t, func(ctx context.Context) { // Each datagram is a connection of its own.
		for port := 10000; backoff.Sleep(ctx, time.Millisecond); port++ {
			client := b.client.DialUDP(t, fmt.Sprintf("%s:%d", clientAddress, port), serverAddress+":5000")
			_, _ = client.Write([]byte("new"))
			_ = client.Close()
		}
	})
	passes := func() {
		before := translated.Load()
		testbed.Eventually(t, "connections are translated", func() bool { return translated.Load() > before+20 })
	}
	passes()
	for _, command := range []string{
		"flush chain inet hapair source-nat", "flush chain inet hapair source-nat.skipped",
		"delete chain inet hapair source-nat", "flush table inet hapair",
	} {
		b.Sidecar.Signal(syscall.SIGSTOP)
		b.Firewall.Signal(syscall.SIGSTOP)
		b.nft(command)
		testbed.Pause(t, 60*time.Millisecond)
		b.Sidecar.Signal(syscall.SIGCONT)
		b.Firewall.Signal(syscall.SIGCONT)
		testbed.Eventually(t, "the rules are back", func() bool { return b.verify(translating) == nil })
		passes()
		if n := untranslated.Swap(0); n > 0 {
			t.Errorf("after %q, %d datagrams were forwarded untranslated", command, n)
		}
	}
}

// sendTimestamps sends an ICMP timestamp request to the server every millisecond, and counts those that arrive.
func (b *bed) sendTimestamps() *atomic.Int64 {
	b.Helper()
	const timestampRequest = 13 // RFC 792
	open := func() (net.PacketConn, error) { return net.ListenPacket("ip4:icmp", "0.0.0.0") }
	from, to := testbed.Open(b, b.client, open), testbed.Open(b, b.server, open)
	message := make([]byte, 20)
	message[0] = timestampRequest
	binary.BigEndian.PutUint16(message[2:], testbed.Checksum(message))
	testbed.Background(b, func(ctx context.Context) {
		for backoff.Sleep(ctx, time.Millisecond) {
			_, _ = from.WriteTo(message, &net.IPAddr{IP: net.ParseIP(serverAddress)})
		}
	})
	arrived := &atomic.Int64{}
	go func() { // It ends when the test closes the connection.
		buffer := make([]byte, 1500)
		for {
			n, _, err := to.ReadFrom(buffer)
			if err != nil {
				return
			}
			if n > 0 && buffer[0] == timestampRequest {
				arrived.Add(1)
			}
		}
	}()
	return arrived
}

// A program that flushes all rules ten times a second, each time after they were restored, makes the unit unhealthy for
// as long as it does so. Then the role moves, if there is a peer. Nothing forbidden is forwarded.
func TestRulesFlushedAgainAndAgainMakeTheUnitUnhealthy(t *testing.T) {
	for name, withoutBPF := range map[string]bool{"BPF": false, "NFTables": true} {
		t.Run(name, func(t *testing.T) {
			b := newActive(t, withoutBPF)
			allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
			b.passes(allowed)
			hostile := b.hostile()
			flush := func() {
				hostile.FlushRuleset()
				if err := hostile.Flush(); err != nil {
					t.Error(err)
				}
				testbed.Pause(t, 100*time.Millisecond)
			}
			testbed.Eventually(t, "the unit is unhealthy", func() bool {
				flush()
				return !programs.IsHealthy(b.Status())
			})
			seen := b.Count()
			for range 30 {
				flush()
			}
			if slices.ContainsFunc(b.Since(seen), programs.IsHealthy) {
				t.Error("the unit reported that it is healthy")
			}
			testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
			b.passes(allowed)
			if n := forbidden.count(0); n > 2 {
				t.Errorf("%d forbidden datagrams were forwarded", n)
			}
		})
	}
}
