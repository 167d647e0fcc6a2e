//go:build netns

package firewall_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// flow is a flow of datagrams.
type flow struct{ sent atomic.Uint32 }

// tick sends a datagram every few milliseconds from one socket, until the test ends.
func tick(t *testing.T, conn net.Conn, text string) *flow {
	t.Helper()
	f := &flow{}
	testbed.Background(t, func(ctx context.Context) {
		ticks := time.NewTicker(5 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				// A refusal by the other side is no concern of the sender.
				if _, err := conn.Write([]byte(text)); err == nil {
					f.sent.Add(1)
				}
			}
		}
	})
	return f
}

// receivesNone reports whether nothing arrives while each of the flows sends some datagrams. A pause alone shows
// nothing: a busy machine keeps the senders waiting too.
func (i inbox) receivesNone(flows ...*flow) bool {
	i.b.Helper()
	i.drain()
	for _, f := range flows {
		enough := f.sent.Load() + 20
		i.b.eventually(f.sent.Load, gomega.BeNumerically(">=", enough))
	}
	_, _, more := i.next(50 * time.Millisecond)
	return !more
}

// answer waits for a datagram with the text and answers it. The kernel asks the rules about a flow without answers at
// each datagram, and never again about one with answers.
func (i inbox) answer(text string) {
	i.b.Helper()
	i.b.eventually(func() string {
		got, from, ok := i.next(patience)
		if ok {
			if _, err := i.conn.WriteTo([]byte("yes"), net.UDPAddrFromAddrPort(from)); err != nil {
				i.b.Fatal(err)
			}
		}
		return got
	}, gomega.Equal(text))
}

// drain reads what is there already.
func (i inbox) drain() {
	for {
		if _, _, ok := i.next(time.Millisecond); !ok {
			return
		}
	}
}

// twoFlows has one policy for a flow and one for another, each with a source port of its own.
const twoFlows = head + `
  addresses: [{name: others, members: [192.168.50.200, "fd50::200"]}]
  services:
  - {name: voice, protocol: UDP, ports: [5060]}
  - {name: other, protocol: UDP, ports: [5061]}
  policies:
  - {name: voice, from: [lan], to: [wan], services: [voice], action: Accept}
  - {name: other, from: [lan], to: [wan], services: [other], action: Accept}
`

// A flow of UDP that never pauses, and was answered, ends with the policy that allowed it. Other flows do not lose a
// datagram.
func TestFlowEndsWhenItsPolicyBecomesDrop(t *testing.T) {
	for name, change := range map[string]struct{ old, changed string }{
		"Drop":       {"services: [voice], action: Accept", "services: [voice], action: Drop"},
		"Reject":     {"services: [voice], action: Accept", "services: [voice], action: Reject"},
		"removed":    {"  - {name: voice, from: [lan], to: [wan], services: [voice], action: Accept}\n", ""},
		"for others": {"services: [voice], action: Accept", "source: [others], services: [voice], action: Accept"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.reachLAN()
			b.apply(twoFlows)
			voice, other := b.listen(b.server, ":5060"), b.listen(b.server, ":5061")
			four := tick(t, b.bind(b.client, clientAddress+":5060", serverAddress+":5060"), "four")
			six := tick(t, b.bind(b.client, "["+clientAddress6+"]:5060", "["+serverAddress6+"]:5060"), "six")
			voice.answer("four")
			voice.answer("six")
			steady := b.bind(b.client, clientAddress+":5061", serverAddress+":5061")
			b.apply(strings.Replace(twoFlows, change.old, change.changed, 1))
			b.eventually(func() bool { return voice.receivesNone(four, six) }, gomega.BeTrue())
			for i := range 20 {
				text := fmt.Sprint(i)
				if _, err := steady.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				if got, _, _ := other.next(patience); got != text {
					t.Fatalf("received %q, want %q", got, text)
				}
			}
			b.apply(twoFlows) // The sender never noticed.
			if _, _, ok := voice.next(patience); !ok {
				t.Error("the flow does not come back with its policy")
			}
		})
	}
}

// A phone keeps one port for years, and so its connection. A translation that is added, changed or removed applies to
// it.
func TestTranslationAppliesToAPhoneThatKeepsItsPort(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	server := b.listen(b.server, ":5060")
	b.in(b.firewall, "ip", "address", "add", "203.0.113.2/24", "dev", "wan")
	untranslated := twoFlows
	b.apply(untranslated)
	tick(t, b.bind(b.client, clientAddress+":5060", serverAddress+":5060"), "register")
	source := func() string { _, from, _ := server.next(patience); return from.String() }
	for _, step := range []struct{ text, want string }{
		{untranslated, clientAddress},
		{untranslated + "  sourceNAT:\n  - {name: out, to: wan, address: 203.0.113.1}\n", wanAddress},
		{untranslated + "  sourceNAT:\n  - {name: out, to: wan, address: 203.0.113.2}\n", "203.0.113.2"},
		{untranslated, clientAddress},
	} {
		b.apply(step.text)
		b.eventually(source, gomega.Equal(step.want+":5060"))
	}
}

// A destination that is translated elsewhere moves the flows that are there.
func TestDestinationTranslationAppliesToExistingFlows(t *testing.T) {
	b := newBed(t)
	b.in(b.client, "ip", "address", "add", "192.168.50.11/24", "dev", "eth0")
	first, second := b.listen(b.client, clientAddress+":5060"), b.listen(b.client, "192.168.50.11:5060")
	text := head + `
  services: [{name: voice, protocol: UDP, ports: [5060]}]
  policies: [{name: in, from: [wan], to: [lan], services: [voice], action: Accept}]
  destinationNAT:
  - {name: in, from: wan, destination: 203.0.113.1, service: voice, toAddress: 192.168.50.10}
`
	b.apply(text)
	tick(t, b.bind(b.server, serverAddress+":5060", wanAddress+":5060"), "call")
	if _, _, ok := first.next(patience); !ok {
		t.Fatal("no call arrives")
	}
	b.apply(strings.Replace(text, "toAddress: 192.168.50.10}", "toAddress: 192.168.50.11}", 1))
	if _, _, ok := second.next(patience); !ok {
		t.Error("no call arrives at the new destination")
	}
	first.drain()
	if _, _, ok := first.next(silence); ok {
		t.Error("calls continue to the old destination")
	}
}

// With Keep, a policy's connections outlive it, over several changes.
func TestKeepLeavesConnectionsAlone(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.echo(b.server, ":80")
	keep := head + "  policies:\n  - {name: out, from: [lan], to: [wan], action: Accept, onChange: Keep}\n"
	drop := strings.Replace(keep, "action: Accept, onChange: Keep", "action: Drop", 1)
	b.apply(keep)
	l := b.mustDial(b.client, serverAddress+":80")
	for i, text := range []string{drop, head, drop + "  sourceNAT:\n  - {name: out, to: wan, address: 203.0.113.1}\n"} {
		b.apply(text)
		b.in(b.firewall, "sleep", "0.2") // A revalidation that does nothing shows nothing.
		if seen, err := l.exchange("kept", patience); err != nil || !strings.HasPrefix(seen, clientAddress+":") {
			t.Fatalf("change %d: %s, %v", i, seen, err)
		}
	}
	b.mustDrop(b.client, serverAddress+":80")
	// A policy that refuses can say the same about connections that another one accepted.
	b.apply(strings.Replace(keep, ", onChange: Keep", "", 1))
	l = b.mustDial(b.client, serverAddress+":80")
	b.apply(strings.Replace(drop, "action: Drop", "action: Drop, onChange: Keep", 1))
	b.in(b.firewall, "sleep", "0.2")
	if _, err := l.exchange("kept", patience); err != nil {
		t.Error(err)
	}
	b.apply(drop)
	b.eventually(func() bool {
		_, err := l.exchange("ended", 100*time.Millisecond)
		return isTimeout(err)
	}, gomega.BeTrue())
}

// A connection may have no path: it began when its interface was in no zone, or under other rules. It is judged like
// any other. Those of the unit itself live.
func TestConnectionsWithoutAPathAreRevalidated(t *testing.T) {
	b := newBed(t)
	dmz := b.connectDMZ()
	b.reachLAN()
	b.echo(b.server, ":80")
	b.echo(b.firewall, ":81")
	b.apply(open)
	out, own := b.mustDial(b.client, serverAddress+":80"), b.mustDial(b.firewall, serverAddress+":80")
	pod, toUnit := b.mustDial(b.neighbour, podAddress+":81"), b.mustDial(dmz, dmzGateway+":81")
	b.clearMarks()
	alive := func(when string, lines ...*line) {
		t.Helper()
		for _, l := range lines {
			if _, err := l.exchange("alive", patience); err != nil {
				t.Errorf("%s: %s to %s: %v", when, l.LocalAddr(), l.RemoteAddr(), err)
			}
		}
	}
	ended := func(l *line) func() bool {
		return func() bool {
			_, err := l.exchange("ended", 100*time.Millisecond)
			return isTimeout(err)
		}
	}
	b.apply(open + "# A change of nothing\n")
	b.in(b.firewall, "sleep", "0.2") // A revalidation that does nothing shows nothing.
	alive("after no change", out, own, pod, toUnit)
	withDMZ := strings.Replace(open, "  zones:\n", "  zones:\n  - {name: dmz, interfaces: [dmz]}\n", 1)
	b.apply(withDMZ)
	b.eventually(ended(toUnit), gomega.BeTrue())
	alive("with a zone for the interface", out, own, pod)
	b.apply(strings.Replace(withDMZ, "action: Accept", "action: Drop", 1))
	b.eventually(ended(out), gomega.BeTrue())
	alive("with another policy", own, pod)
}

// clearMarks makes the kernel forget the path of every connection of the firewall.
func (b *bed) clearMarks() {
	b.Helper()
	err := b.firewall.Do(func() error {
		var requests []conntrack.Request
		err := conntrack.Dump(b.Context(), func(f conntrack.Flow) error {
			cleared := conntrack.Flow{Orig: f.Orig, Fields: conntrack.FieldMark}
			requests = append(requests, conntrack.Request{Operation: conntrack.Update, Flow: cleared})
			return nil
		})
		if err != nil {
			return err
		}
		table, err := conntrack.OpenTable()
		if err != nil {
			return err
		}
		results, err := table.Do(requests, nil)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		return errors.Join(err, table.Close())
	})
	if err != nil {
		b.Fatalf("Clearing the marks of connections: %v", err)
	}
}

// Connections of the unit itself, and those of others that did not change, are never ended: neither by another name of
// a zone, nor by a restart of the program.
func TestUnrelatedConnectionsLiveThroughChanges(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.echo(b.client, ":8080")
	b.echo(b.firewall, ":81")
	text := open + `
  services:
  - {name: web, protocol: TCP, ports: [80]}
  - {name: inside, protocol: TCP, ports: [8080]}
  - {name: manage, protocol: TCP, ports: [81]}
  destinationNAT:
  - {name: web, from: wan, destination: 203.0.113.1, service: web, toAddress: 192.168.50.10, toPort: 8080}
`
	text = strings.Replace(text, "  policies:\n", `  policies:
  - {name: in, from: [wan], to: [lan], services: [inside], action: Accept}
  - {name: manage, from: [lan], to: [firewall], services: [manage], action: Accept}
`, 1)
	b.apply(text)
	lines := map[string]*line{
		"out": b.mustDial(b.client, serverAddress+":80"), "out6": b.mustDial(b.client, "["+serverAddress6+"]:80"),
		"in": b.mustDial(b.server, wanAddress+":80"), "own": b.mustDial(b.firewall, serverAddress+":80"),
		"manage": b.mustDial(b.client, lanAddress+":81"), "pod": b.mustDial(b.neighbour, podAddress+":81"),
	}
	renamed := strings.NewReplacer("interfaces: [lan]", "interfaces: [lan]", "name: lan,", "name: inside,",
		"[lan]", "[inside]").Replace(text)
	for i := range 6 {
		b.apply([]string{text, renamed}[i%2] + fmt.Sprintf("# Change %d\n", i))
		for name, l := range lines {
			if _, err := l.exchange("alive", patience); err != nil {
				t.Fatalf("change %d: %s: %v", i, name, err)
			}
		}
	}
	b.program.Terminate()
	b.start()
	b.apply(text)
	for name, l := range lines {
		if _, err := l.exchange("alive", patience); err != nil {
			t.Errorf("after a restart: %s: %v", name, err)
		}
	}
	if strings.Contains(b.program.Log.String(), "Ended connections") {
		t.Errorf("connections ended:\n%s", b.program.Log.String())
	}
}

// The entry of a call's signalling ends while the call goes on, since nobody uses it. A standby then has media that
// name no connection, but have the label of the helper. They outlive a document. What nothing announced does not.
func TestCallOutlivesTheEntryOfItsSignalling(t *testing.T) {
	b := newBed(t)
	b.apply(twoFlows)
	media := conntrack.Flow{
		Orig: conntrack.Tuple{
			Src: netip.MustParseAddr(clientAddress), Dst: netip.MustParseAddr(serverAddress),
			Protocol: conntrack.ProtocolUDP, SrcPort: 4000, DstPort: 6000,
		},
		Fields: conntrack.FieldTimeout | conntrack.FieldStatus | conntrack.FieldLabels | conntrack.FieldMark,
		Status: conntrack.StatusConfirmed | conntrack.StatusSeenReply, TimeoutSeconds: 60,
		Labels: contract.LabelVoIP.Bits(), Mark: plan.PathMark("lan", "wan"),
	}
	media.Reply = media.Orig.Inverse()
	other := media
	other.Orig.SrcPort, other.Labels = 4001, [16]byte{}
	other.Reply = other.Orig.Inverse()
	ports := func() (present []uint16) {
		err := b.firewall.Do(func() error {
			return conntrack.Dump(b.Context(), func(f conntrack.Flow) error {
				if f.Orig.DstPort == media.Orig.DstPort {
					present = append(present, f.Orig.SrcPort)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return present
	}
	table := testbed.Open(t, b.firewall, conntrack.OpenTable)
	results, err := table.Do([]conntrack.Request{
		{Operation: conntrack.Create, Flow: media}, {Operation: conntrack.Create, Flow: other},
	}, nil)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.apply(twoFlows + "# A change of nothing\n")
	b.eventually(ports, gomega.Equal([]uint16{media.Orig.SrcPort}))
}
