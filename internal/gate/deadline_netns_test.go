//go:build netns

package gate

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
)

// earlier returns how much before its deadline a gate may close: one of nftables leaves headroom, and counts in
// jiffies.
func (p *process) earlier() time.Duration {
	if p.kind == string(contract.FenceBPF) {
		return time.Millisecond
	}
	return headroom + 2*jiffy
}

// opened opens the gate for long, and has a stream through it.
func opened(b *bed, to string) (*process, *stream) {
	b.t.Helper()
	p := b.unit()
	p.open(time.Minute)
	s := b.stream(to)
	s.passing()
	return p, s
}

// The gate closes at its deadline, whatever becomes of the process.
func TestClosesByItself(t *testing.T) {
	for name, to := range map[string]string{"IPv4": serverAddress, "IPv6": serverAddress6} {
		for what, happen := range map[string]func(*process){
			"running": func(*process) {},
			"stopped": func(p *process) { p.signal(syscall.SIGSTOP) },
			"killed":  func(p *process) { p.signal(syscall.SIGKILL) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				eachKind(t, func(t *testing.T, b *bed) {
					p, s := opened(b, to)
					deadline := p.open(300 * time.Millisecond)
					happen(p)
					s.goOn(deadline)
					s.End()
					s.closedAt(deadline, p.earlier())
				})
			})
		}
	}
}

// A deadline is put off and put forward, and a gate that has closed opens again.
func TestDeadlineMovesInTheKernel(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		for range 2 {
			until(p.open(200*time.Millisecond) - 100*time.Millisecond)
			deadline := p.open(200 * time.Millisecond) // later
			until(deadline - 100*time.Millisecond)
			p.open(time.Minute)
			deadline = p.open(50 * time.Millisecond) // earlier
			s.goOn(deadline)
			s.End()
			s.closedAt(deadline, p.earlier())
			if err := p.verify(); err == nil {
				t.Error("a gate that has closed calls itself open")
			}
			p.open(time.Minute)
			if err := p.verify(); err != nil {
				t.Error(err)
			}
			s = b.stream(serverAddress)
			s.passing()
		}
		begun, done := p.close()
		s.goOn(done)
		s.End()
		s.closedAt(done, done-begun+p.earlier())
	})
}

// A process that stands still between looking at the clock and moving the deadline opens nothing that should be closed
// by then. A gate of nftables cannot help opening for the moment that it takes to find out, where the pause was between
// reckoning the time-out and setting it.
func TestPauseBeforeTheWriteOpensNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		pause := func(looks int32) (leaked int) {
			p.close()
			const lasts = 200 * time.Millisecond
			p.send(order{Do: "open", Lasts: lasts, Pause: looks})
			p.awaitStop()
			until(clock.Boot() + lasts)
			continued := clock.Boot()
			p.signal(syscall.SIGCONT)
			r := p.await()
			answered, err := clock.Boot(), r.Error
			s.goOn(answered)
			leaked = s.ArrivedSince(continued)
			t.Logf("%d datagrams got through in the %s until the answer: %s", leaked, answered-continued, err)
			s.nothingPast(answered, "after the answer")
			if r.Until > continued {
				t.Fatal("the unit stood still before it was told anything")
			}
			if err := p.verify(); err == nil {
				t.Error("the gate calls itself open past its deadline")
			}
			if p.kind == string(contract.FenceNFTables) && !strings.Contains(err, errPassed.Error()) {
				t.Errorf("opening too late is answered with %q", err)
			}
			return leaked
		}
		if leaked := pause(1); leaked > 0 {
			t.Errorf("%d datagrams got through past the deadline", leaked)
		}
		if p.kind == string(contract.FenceNFTables) {
			pause(2)
		}
	})
}

// A machine that was stopped together with the kernel's clock continues with a gate whose deadline is as far away as it
// was. The unit's clock knows better.
func TestDeadlineAfterAStopOfTheMachine(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		continued := p.stop(2 * time.Minute) // The permit has ended.
		s.goOn(continued + stopInterval + hiccup)
		s.End()
		s.nothingPast(continued+stopInterval+hiccup, "a gate whose permit ended while the machine was stopped")
		if err := p.verify(); err == nil {
			t.Error("a gate that has closed calls itself open")
		}
		deadline := p.open(5 * time.Second)
		s = b.stream(serverAddress)
		s.passing()
		p.stop(4 * time.Second) // A rest is left.
		if err := p.verify(); err != nil {
			t.Error(err)
		}
		deadline -= 4 * time.Second
		until(clock.Boot() + stopInterval + hiccup)
		p.signal(syscall.SIGSTOP) // The kernel knows the deadline by its own clock.
		s.goOn(deadline)
		s.End()
		s.closedAt(deadline, p.earlier())
		p.signal(syscall.SIGCONT)
	})
}

// A gate that an earlier life left is replaced by a closed one, with no instant without a gate.
func TestRestart(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		_, closed := p.close()
		s.goOn(closed)
		for range 5 {
			p.kill()
			p = b.unit()
		}
		s.nothingPast(closed, "while the gate was replaced")
		p.open(time.Minute)
		s.passing()
		p.kill()
		p = b.unit()
		replaced := clock.Boot()
		s.goOn(replaced)
		s.nothingPast(replaced, "the gate that a restart has closed")
		p.open(time.Minute)
		s.passing()
	})
}

// What an earlier life put up of the other kind does not keep the gate closed for good.
func TestRestartAsTheOtherKind(t *testing.T) {
	b := newBed(t, false)
	p, s := opened(b, serverAddress)
	for _, kind := range []contract.Fence{contract.FenceNFTables, contract.FenceBPF} {
		b.setup.WithoutBPF = kind == contract.FenceNFTables
		p.kill()
		p = b.unit()
		if p.kind != string(kind) {
			t.Fatalf("the gate is of %s", p.kind)
		}
		replaced := clock.Boot()
		s.goOn(replaced)
		s.nothingPast(replaced, fmt.Sprintf("the gate of %s, which is closed", kind))
		p.open(time.Minute)
		s.passing()
	}
}

// A gate that somebody takes off an interface is put back with the deadline that it has.
func TestGateIsPutBack(t *testing.T) {
	b := newBed(t, false)
	p, s := opened(b, serverAddress)
	for _, isOpen := range []bool{true, false} {
		p.set(isOpen)
		b.onLAN(func(link netlink.Link) error {
			return netlink.QdiscDel(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
				LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
			}})
		})
		testbed.Eventually(t, "the filters are back", func() bool {
			there := 0
			b.onLAN(func(link netlink.Link) error {
				for _, parent := range []uint32{netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS} {
					filters, err := netlink.FilterList(link, parent)
					if err != nil {
						return err
					}
					there += len(filters)
				}
				return nil
			})
			return there == 2
		})
		if isOpen {
			s.passing()
			continue
		}
		back := clock.Boot()
		s.goOn(back)
		s.nothingPast(back, "the closed gate that was put back")
	}
}

// onLAN calls a function with the router's LAN interface.
func (b *bed) onLAN(do func(netlink.Link) error) {
	b.t.Helper()
	err := b.router.Do(func() error {
		link, err := netlink.LinkByName("lan")
		if err != nil {
			return err
		}
		return do(link)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// An interface that is gone is an error. One that came back gets its gate, and asks for neighbours again soon, before
// anything is opened.
func TestInterfaceComesBack(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		s.End()
		b.router.Link(t, "lan").Delete()
		p.logs("looking up interface lan")
		_, err := p.tell(order{Do: "open", Lasts: time.Minute})
		if err == nil || !strings.Contains(err.Error(), "interface lan") {
			t.Errorf("opened without an interface: %v", err)
		}
		b.wireLAN()
		p.logs("Repaired the gate")
		if got := b.router.Run(t, "ip ntable show dev lan"); strings.Count(got, "retrans 100 ") != 2 {
			t.Errorf("the new interface does not ask for neighbours every 100 ms: %s", got)
		}
		s = b.stream(serverAddress)
		s.goOn(clock.Boot())
		if n := s.ArrivedSince(0); n > 0 {
			t.Errorf("%d datagrams got through the new interface, whose gate is closed", n)
		}
		p.rules(true) // The sidecar verifies the rules after each repair of a gate of nftables.
		p.open(time.Minute)
		s.passing()
		deadline := p.open(100 * time.Millisecond)
		s.goOn(deadline)
		s.nothingPast(deadline, "past the deadline")
	})
}
