//go:build netns

package pair_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

const (
	// beyond are the groups beyond the bound.
	beyond = 64
	// overloadPatience is for what takes long with so many groups.
	overloadPatience = 2 * time.Minute
	// atOnce is how many streams begin at once. The kernel keeps at most ten packets that wait for a route.
	atOnce = 8
)

// groupNumber returns one of many groups.
func groupNumber(i int) netip.Addr { return netip.AddrFrom4([4]byte{239, 7, byte(i >> 8), byte(i)}) }

// manyGroups is a host that receives many groups, and one that sends to them.
type manyGroups struct {
	t                *testing.T
	bed              *pair.Pair
	receiver, sender *net.UDPConn

	mu sync.Mutex
	// arrived has the groups of the datagrams of a round.
	arrived map[int]bool
	round   uint32
}

func newManyGroups(t *testing.T, bed *pair.Pair) *manyGroups {
	t.Helper()
	m := &manyGroups{t: t, bed: bed, arrived: map[int]bool{}}
	bed.Client.Set(t, "net.ipv4.igmp_max_memberships", "8192")
	m.receiver = testbed.Open(t, bed.Client, func() (*net.UDPConn, error) {
		return net.ListenUDP("udp4", &net.UDPAddr{Port: televisionPort}) // One of both families gets only what it has joined.
	})
	_ = m.receiver.SetReadBuffer(8 << 20)
	m.sender = testbed.Open(t, bed.Server, func() (*net.UDPConn, error) {
		return sendingBy("wan0", netip.AddrPortFrom(groupNumber(0), televisionPort))
	})
	testbed.Background(t, func(context.Context) { m.receive() })
	t.Cleanup(func() { _ = m.receiver.Close() })
	return m
}

func (m *manyGroups) receive() {
	datagram := make([]byte, 8)
	for {
		n, err := m.receiver.Read(datagram)
		if err != nil {
			return
		}
		m.mu.Lock()
		if n == len(datagram) && binary.BigEndian.Uint32(datagram) == m.round {
			m.arrived[int(binary.BigEndian.Uint32(datagram[4:]))] = true
		}
		m.mu.Unlock()
	}
}

// join lets the host join groups. The memory of a socket is bounded, so many sockets join. The receiver gets what any
// of them has joined.
func (m *manyGroups) join(from, to int) {
	m.t.Helper()
	const perSocket = 256
	for ; from < to; from += perSocket {
		joining := m.bed.Client.ListenUDP(m.t, "0.0.0.0:0")
		err := m.bed.Client.Do(func() error {
			p, link := ipv4.NewPacketConn(joining), interfaceNamed("lan0")
			for i := from; i < min(from+perSocket, to); i++ {
				if err := p.JoinGroup(link, &net.UDPAddr{IP: groupNumber(i).AsSlice()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// begin begins a round, in which nothing has arrived.
func (m *manyGroups) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.arrived)
	m.round++
}

// send sends to each group of the bound whose datagram has not arrived in the round. It returns how many have arrived.
func (m *manyGroups) send() int {
	m.t.Helper()
	sent := 0
	for i := range multicast.MaxGroups {
		m.mu.Lock()
		has, round := m.arrived[i], m.round
		m.mu.Unlock()
		if has {
			continue
		}
		datagram := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, round), uint32(i))
		_, _ = m.sender.WriteToUDPAddrPort(datagram, netip.AddrPortFrom(groupNumber(i), televisionPort))
		if sent++; sent%atOnce == 0 {
			testbed.Pause(m.t, 2*time.Millisecond)
		}
	}
	testbed.Pause(m.t, 100*time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.arrived)
}

// await waits until a condition holds, and returns how long that took.
func await(t *testing.T, what string, condition func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !condition() {
		if time.Since(begun) > overloadPatience {
			t.Fatalf("Timed out after %s: %s", overloadPatience, what)
		}
		testbed.Pause(t, 50*time.Millisecond)
	}
	return time.Since(begun).Round(time.Millisecond)
}

// published returns how many entries of a kind the local API of a unit has.
func published(t *testing.T, u *pair.Unit, kind string) int {
	t.Helper()
	out, err := exec.Command("curl", "--silent", "--show-error", "--unix-socket", u.FirewallSocket(),
		"http://unit/v1/classes/Multicast").CombinedOutput()
	if err != nil {
		t.Fatalf("curl at %s: %v, %s", u.Name, err, out)
	}
	return strings.Count(string(out), `"key":"`+kind+"/")
}

// TestOverloadMulticast has a host that receives as many groups as fit, and some more. It never reports again, and
// still receives all that fit after the active has lost its power.
func TestOverloadMulticast(t *testing.T) {
	testbed.OnlyInOverload(t)
	bed := newTelevision(t, pair.Options{})
	m := newManyGroups(t, bed)
	m.join(0, multicast.MaxGroups)
	t.Logf("%d groups were known after %s", multicast.MaxGroups, await(t, "the active knows the groups", func() bool {
		return published(t, bed.Active, "member") == multicast.MaxGroups
	}))
	m.begin()
	t.Logf("Their streams arrived after %s", await(t, "all streams arrive", func() bool {
		return m.send() == multicast.MaxGroups
	}))
	m.join(multicast.MaxGroups, multicast.MaxGroups+beyond)
	await(t, "the reports of more groups are refused", func() bool {
		return bed.Active.FirewallStatus().Multicast.RefusedReports >= beyond
	})
	mute(t, bed)
	standby := bed.Standby
	t.Logf("The standby had all after %s more", await(t, "the standby has all", func() bool {
		counts := standby.FirewallStatus().Multicast
		return counts.Groups == multicast.MaxGroups && counts.Routes >= multicast.MaxGroups
	}))
	before := bed.Active.FirewallStatus().Multicast
	wantMemory(t, bed.Active, standby)
	took := bed.Failover()
	m.begin()
	begun := time.Now()
	first := m.send()
	round := time.Since(begun).Round(time.Millisecond)
	again := await(t, "all streams continue", func() bool { return m.send() == multicast.MaxGroups })
	t.Logf("After a loss of power (%s), %d of %d groups arrived at the first datagram of each, sent in %s; all %s later",
		took.Round(time.Millisecond), first, multicast.MaxGroups, round, again)
	if n := published(t, bed.Active, "member"); n != multicast.MaxGroups {
		t.Errorf("the new active knows %d groups, want %d", n, multicast.MaxGroups)
	}
	if before.Groups != multicast.MaxGroups || before.RefusedReports < beyond {
		t.Errorf("the active had %+v, want %d groups and %d refused reports", before, multicast.MaxGroups, beyond)
	}
	if first < multicast.MaxGroups*99/100 {
		t.Errorf("%d of %d groups arrived at once", first, multicast.MaxGroups)
	}
}
