//go:build netns

package bpf

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/clock"
)

// gatedInterface is the index of an interface in the program's list. The kernel runs the program on test frames, so
// that no interface is needed.
const gatedInterface = 7

// isTestable reports whether the frame is long enough for a test run in the kernel. Shorter frames are tested with a
// VLAN tag here, and on a real interface in package gate.
func isTestable(frame []byte) bool {
	if len(frame) < shortest {
		return false
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		return len(frame) >= ethernetLength+ipv4Length
	case unix.ETH_P_IPV6:
		return len(frame) >= ethernetLength+ipv6Length
	default:
		return true
	}
}

const shortest = ethernetLength + 1

// loaded returns the program in the kernel, guarding the unit.
func loaded(t testing.TB) *Program {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root")
	}
	p, err := Load(3, 0x40000000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := p.SetOwnAddresses(slices.Collect(maps.Keys(guarded.own))); err != nil {
		t.Fatal(err)
	}
	if err := p.SetVirtualMACs(slices.Collect(maps.Keys(guarded.macs))); err != nil {
		t.Fatal(err)
	}
	if without := p.SetControlAddresses(slices.Collect(maps.Keys(guarded.control))); len(without) > 0 {
		t.Fatal(without)
	}
	p.SetInterfaces([]int{gatedInterface})
	return p
}

// context is struct __sk_buff.
type context struct {
	_                [2]uint32
	Mark             uint32
	_                [6]uint32
	IngressInterface uint32
	_                [38]uint32
}

// run runs a program in the kernel on a frame that arrived on an interface, or on none.
func run(t rapid.TB, program *ebpf.Program, frame []byte, cameBy uint32) verdict {
	t.Helper()
	got, err := program.Run(&ebpf.RunOptions{Data: frame, Context: context{IngressInterface: cameBy}})
	if err != nil {
		t.Fatal(err)
	}
	return verdict(got)
}

func passes(pass bool) verdict {
	if pass {
		return noOpinion
	}
	return drop
}

// ARP that arrives gets the mark of the data plane in addition to its own, and nothing else does.
func TestARPIsMarked(t *testing.T) {
	const own, mark = 0x5, 0x40000000
	p := loaded(t)
	for name, c := range map[string]struct {
		frame []byte
		want  uint32
	}{
		"ARP":              {arp(neighbourMAC, 1, neighbour4, virtual4), own | mark},
		"IPv4":             {ip4(neighbourMAC, unix.IPPROTO_UDP, neighbour4, own4, udp(1000, 1000)...), own},
		"ARP behind a tag": {tagged(arp(neighbourMAC, 1, neighbour4, virtual4), unix.ETH_P_8021Q), own | mark},
	} {
		var after context
		options := &ebpf.RunOptions{Data: c.frame, Context: context{Mark: own}, ContextOut: &after}
		if _, err := p.ingress.Run(options); err != nil {
			t.Fatal(err)
		}
		if after.Mark != c.want {
			t.Errorf("%s has mark %#x, want %#x", name, after.Mark, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	p := loaded(t)
	if err := p.Check(clock.Boot); err != nil {
		t.Error(err)
	}
	if p.Deadline() != 0 {
		t.Error("the check leaves the gate open")
	}
	if err := p.Check(func() time.Duration { return clock.Boot() + time.Second }); err == nil {
		t.Error("a clock that is behind that of the deadlines goes unnoticed")
	}
}

// A closed program returns the expected verdict for every sample, and an open one passes every sample.
func TestSamples(t *testing.T) {
	p := loaded(t)
	for _, s := range samples() {
		if !isTestable(s.frame) {
			t.Errorf("%s cannot be tried", s.name)
			continue
		}
		for _, deadline := range []time.Duration{0, 1, clock.Boot()} {
			p.SetDeadline(deadline)
			if got := run(t, p.ingress, s.frame, 0); got != passes(s.in) {
				t.Errorf("%s coming in past %s: verdict %d", s.name, deadline, got)
			}
			if got := run(t, p.egress, s.frame, 0); got != passes(s.out) {
				t.Errorf("%s going out past %s: verdict %d", s.name, deadline, got)
			}
			for _, cameBy := range []uint32{gatedInterface, gatedInterface + 1} {
				if got := run(t, p.egress, s.frame, cameBy); got != drop {
					t.Errorf("%s going out past %s, routed: verdict %d", s.name, deadline, got)
				}
			}
		}
		p.SetDeadline(clock.Boot() + time.Minute)
		for _, cameBy := range []uint32{0, gatedInterface, gatedInterface + 1} {
			_, isForbidden := guarded.guards(s.frame)
			if got := run(t, p.ingress, s.frame, cameBy); got != passes(!isForbidden) {
				t.Errorf("%s coming in while open: verdict %d", s.name, got)
			}
			if got := run(t, p.egress, s.frame, cameBy); got != noOpinion {
				t.Errorf("%s going out while open: verdict %d", s.name, got)
			}
		}
	}
}

// Messages of routers and packets to the control plane's addresses are dropped and counted, whether the gate is open or
// closed, behind VLAN tags, options, extension headers and in fragments.
func TestForbiddenFramesAreDroppedAndCounted(t *testing.T) {
	p := loaded(t)
	for _, deadline := range []time.Duration{0, clock.Boot() + time.Minute} {
		p.SetDeadline(deadline)
		for _, f := range allForbidden() {
			before := p.Dropped(f.kind)
			if got := run(t, p.ingress, f.frame, 0); got != drop {
				t.Errorf("%s with deadline %s: verdict %d", f.name, deadline, got)
			}
			if got := p.Dropped(f.kind) - before; got != 1 {
				t.Errorf("%s with deadline %s: counted %d times", f.name, deadline, got)
			}
		}
	}
	p.SetControlAddresses(nil)
	for _, frame := range [][]byte{
		ip4(neighbourMAC, 6, neighbour4, control4, make([]byte, 20)...),
		ip6(neighbourMAC, 17, control6, own6, udp(1, 7780)...),
	} {
		if got := run(t, p.ingress, frame, 0); got != noOpinion {
			t.Errorf("an address that is no longer the control plane's: verdict %d", got)
		}
	}
	many := make([]netip.Addr, MaximumControl+1)
	for n := range many {
		many[n] = netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)})
	}
	if without := p.SetControlAddresses(many); !slices.Equal(without, many[MaximumControl:]) {
		t.Errorf("%v have no room", without)
	}
}

// A truncated frame gets the same verdict as from the twin.
func TestCutOff(t *testing.T) {
	p := loaded(t)
	for _, s := range samples() {
		for n := shortest; n < len(s.frame); n++ {
			if isTestable(s.frame[:n]) {
				compare(t, p, s.frame[:n])
			}
		}
	}
}

// compare compares the verdicts of the program and its twin.
func compare(t rapid.TB, p *Program, frame []byte) {
	t.Helper()
	p.SetDeadline(0)
	if got, want := run(t, p.ingress, frame, 0), passes(guarded.passesIn(frame)); got != want {
		t.Errorf("coming in: verdict %d instead of %d: %x", got, want, frame)
	}
	p.SetDeadline(time.Hour * 24 * 365 * 100)
	_, isForbidden := guarded.guards(frame)
	if got, want := run(t, p.ingress, frame, 0), passes(!isForbidden); got != want {
		t.Errorf("coming in while open: verdict %d instead of %d: %x", got, want, frame)
	}
	p.SetDeadline(0)
	if got, want := run(t, p.egress, frame, 0), passes(guarded.passesOut(frame, false)); got != want {
		t.Errorf("going out: verdict %d instead of %d: %x", got, want, frame)
	}
}

// Packets that arrived while the gate was open go out, until a packet finds that the deadline has passed.
func TestRoutedAcrossTheDeadline(t *testing.T) {
	p := loaded(t)
	frame := ip4(ownMAC, 17, own4, own4, udp(1, 2)...)
	soon := func() { p.SetDeadline(clock.Boot() + 20*time.Millisecond) }
	pass := func() {
		for clock.Boot() < p.Deadline() {
			time.Sleep(time.Millisecond)
		}
	}
	soon()
	if got := run(t, p.ingress, frame, 0); got != noOpinion {
		t.Errorf("open: verdict %d", got)
	}
	pass()
	if got := run(t, p.egress, frame, gatedInterface); got != noOpinion {
		t.Errorf("in flight at the deadline: verdict %d", got)
	}
	if got := run(t, p.egress, frame, gatedInterface+1); got != drop {
		t.Errorf("from an interface without gate: verdict %d", got)
	}
	if got := run(t, p.egress, frame, gatedInterface); got != drop {
		t.Errorf("once the deadline is known to be past: verdict %d", got)
	}
	soon()
	pass()
	if got := run(t, p.ingress, frame, 0); got != noOpinion {
		t.Errorf("to the unit itself, past the deadline: verdict %d", got)
	}
	if got := run(t, p.egress, frame, gatedInterface); got != drop {
		t.Errorf("to the unit itself, and then routed: verdict %d", got)
	}
	p.SetDeadline(clock.Boot() + time.Minute)
	if got := run(t, p.egress, frame, gatedInterface); got != noOpinion {
		t.Errorf("opened again: verdict %d", got)
	}
	p.SetDeadline(0)
	if got := run(t, p.egress, frame, gatedInterface); got != drop {
		t.Errorf("closed at once: verdict %d", got)
	}
}

// Addresses can be added and removed.
func TestOwnAddresses(t *testing.T) {
	p := loaded(t)
	to := func(a netip.Addr) []byte {
		if a.Is4() {
			return ip4(neighbourMAC, 6, neighbour4, a, make([]byte, 20)...)
		}
		return ip6(neighbourMAC, 6, neighbour6, a, make([]byte, 20)...)
	}
	for _, addresses := range [][]netip.Addr{{own4}, {far4, own6}, {}, {virtual4, far6, own4}} {
		if err := p.SetOwnAddresses(addresses); err != nil {
			t.Fatal(err)
		}
		for _, a := range []netip.Addr{own4, own6, far4, far6, virtual4} {
			if got := run(t, p.ingress, to(a), 0); got != passes(slices.Contains(addresses, a)) {
				t.Errorf("with %v: verdict %d about %s", addresses, got, a)
			}
		}
	}
	if err := p.SetOwnAddresses(make([]netip.Addr, 0)); err != nil {
		t.Error(err)
	}
	many := make([]netip.Addr, 0, maximumAddresses+1)
	for a := netip.MustParseAddr("10.0.0.0"); len(many) <= maximumAddresses; a = a.Next() {
		many = append(many, a)
	}
	if err := p.SetOwnAddresses(many); err == nil {
		t.Error("more addresses than there is room for went in")
	}
}

// mutate returns frames with few errors, because a mistake in the program would most likely pass these.
func mutate(t *rapid.T, frame []byte) []byte {
	frame = slices.Clone(frame)
	known := [][]byte{
		own4.AsSlice(), virtual4.AsSlice(), any4.AsSlice(), own6.AsSlice(), virtual6.AsSlice(), any6.AsSlice(), ownMAC[:],
		virtualMAC[:],
		{0x81, 0},
		{0x88, 0xa8},
		{8, 0},
		{8, 6},
		{0x86, 0xdd},
		{58, 0},
		{60, 0},
		{136},
		{135},
		{134},
		{44, 0, 0, 1},
		control4.AsSlice(), control6.AsSlice(),
		{0xff},
	}
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		at := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			frame[at] = rapid.Byte().Draw(t, "byte")
		case 1:
			copy(frame[at:], rapid.SampledFrom(known).Draw(t, "known"))
		case 2:
			frame = frame[:max(shortest, at)]
		case 3:
			frame = slices.Insert(frame, at, rapid.SliceOfN(rapid.Byte(), 1, 12).Draw(t, "inserted")...)
		}
	}
	return frame
}

func TestProgramIsLikeItsTwin(t *testing.T) {
	p := loaded(t)
	all := samples()
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			if frame := mutate(t, rapid.SampledFrom(all).Draw(t, "sample").frame); isTestable(frame) {
				compare(t, p, frame)
			}
		}
	})
}

func FuzzProgram(f *testing.F) {
	p := loaded(f)
	for _, s := range samples() {
		f.Add(s.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if isTestable(frame) && len(frame) <= 1500 {
			compare(t, p, frame)
		}
	})
}
