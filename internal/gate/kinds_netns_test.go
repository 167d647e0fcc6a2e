//go:build netns

package gate

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
)

// withCapabilities starts a command that has these capabilities and no others, root as it is.
func withCapabilities(kept ...uintptr) func(*exec.Cmd) error {
	return func(command *exec.Cmd) error {
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			if slices.Contains(kept, c) {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
				return err
			}
		}
		return command.Start()
	}
}

// The gate is as strong as the unit's capabilities let it be, and without any the unit does not start.
func TestCapabilities(t *testing.T) {
	for name, c := range map[string]struct {
		kept  []uintptr
		kind  string
		error []string
	}{
		"those of the sidecar": {[]uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_BPF}, "BPF", nil},
		"no more than needed":  {[]uintptr{unix.CAP_NET_ADMIN, unix.CAP_BPF}, "BPF", nil},
		"without BPF":          {[]uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, "NFTables", nil},
		"without NET_ADMIN":    {[]uintptr{unix.CAP_BPF}, "", []string{"BPF and NET_ADMIN", "capability NET_ADMIN"}},
		"none":                 {nil, "", []string{"capabilities BPF and NET_ADMIN", "seccomp", "capability NET_ADMIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, false)
			p, first := startUnit(t, b.router, b.setup, withCapabilities(c.kept...))
			if first.Kind != c.kind || (first.Error == "") != (c.error == nil) {
				t.Fatalf("the gate is of %q: %s", first.Kind, first.Error)
			}
			for _, part := range c.error {
				if !strings.Contains(first.Error, part) {
					t.Errorf("%q does not speak of %q", first.Error, part)
				}
			}
			if c.error != nil {
				return
			}
			if c.kind == string(contract.FenceNFTables) {
				p.logs("weaker one")
			}
			p.kind = first.Kind
			p.open(time.Minute)
			s := b.stream(serverAddress)
			s.passing()
			begun, done := p.close()
			s.goOn(done)
			s.End()
			s.closedAt(done, done-begun+p.earlier())
		})
	}
}

func TestMissingInterface(t *testing.T) {
	b := newBed(t, false)
	b.setup.Interfaces = append(b.setup.Interfaces, "dmz")
	if _, first := startUnit(t, b.router, b.setup, (*exec.Cmd).Start); !strings.Contains(first.Error, "interface dmz") {
		t.Errorf("without an interface: %q", first.Error)
	}
}

// A flush of all rulesets removes the weaker gate. It is put back closed at once, and opens once rules were verified.
func TestFlushedGateOfNFTablesIsPutBackClosed(t *testing.T) {
	b := newBed(t, true)
	p, s := opened(b, serverAddress)
	flushed := clock.Boot()
	b.router.Firewall(t, "flush ruleset\n")
	p.logs("Repaired the gate")
	back := clock.Boot()
	t.Logf("put back %s after the flush began", back-flushed)
	if p.verify() == nil {
		t.Error("put back open, though the rules may be gone")
	}
	p.open(time.Minute)
	s.goOn(back)
	s.nothingPast(back, "the gate that was put back, before the rules were verified")
	p.rules(true)
	if err := p.verify(); err != nil {
		t.Errorf("after the rules were verified: %v", err)
	}
	s.passing()
	_, closed := p.close()
	s.goOn(closed)
	s.nothingPast(closed, "the gate that was put back, which is closed")
}

// Without the firewall's rules nothing is forwarded, although the deadline is ahead. With them the gate is open again.
func TestNothingIsForwardedWithoutRules(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p, s := opened(b, serverAddress)
		p.rules(false)
		closed := clock.Boot()
		p.open(time.Minute) // The permit is extended all the same.
		s.goOn(closed)
		s.nothingPast(closed, "a gate without rules")
		p.rules(true)
		s.passing()
		if err := p.verify(); err != nil {
			t.Error(err)
		}
	})
}

// foreign puts a program of somebody else on the router's LAN interface.
func foreign(t testing.TB, b *bed, attach ebpf.AttachType, code ...asm.Instruction) link.Link {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: code})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	var l link.Link
	index := b.router.Link(t, "lan").Index()
	err = b.router.Do(func() (err error) {
		l, err = link.AttachTCX(link.TCXOptions{Interface: index, Program: program, Attach: attach})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func (b *bed) programs(attach ebpf.AttachType) (n int) {
	b.t.Helper()
	index := b.router.Link(b.t, "lan").Index()
	err := b.router.Do(func() error {
		there, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: attach})
		if err == nil {
			n = len(there.Programs)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// An open gate's shortcut keeps nobody else's program from being run: it is there only while the gate is alone.
func TestShortcutYields(t *testing.T) {
	b := newBed(t, false)
	p, s := opened(b, serverAddress)
	isShort := func() bool {
		return b.programs(ebpf.AttachTCXIngress) == 1 && b.programs(ebpf.AttachTCXEgress) == 1
	}
	if !isShort() {
		t.Fatal("there is no shortcut")
	}
	dropping := foreign(t, b, ebpf.AttachTCXIngress, asm.Mov.Imm(asm.R0, 2), asm.Return())
	stops := func(who string) {
		t.Helper()
		testbed.Eventually(t, who+" has its say", func() bool {
			asked := clock.Boot()
			s.goOn(asked)
			return s.ArrivedSince(asked) == 0
		})
	}
	stops("somebody else's program")
	if n := b.programs(ebpf.AttachTCXEgress); n != 0 {
		t.Errorf("%d shortcuts stay next to it", n)
	}
	if err := dropping.Close(); err != nil {
		t.Fatal(err)
	}
	s.passing()
	testbed.Eventually(t, "the shortcut is back", isShort)

	remove := b.foreignFilter()
	stops("somebody else's filter")
	if isShort() {
		t.Error("the shortcut stays before it")
	}
	remove()
	s.passing()
	testbed.Eventually(t, "the shortcut is back", isShort)
	begun, done := p.close()
	s.goOn(done)
	s.End()
	s.closedAt(done, done-begun+p.earlier())
}

// foreignFilter puts a filter of somebody else, which drops everything, on the router's LAN interface.
func (b *bed) foreignFilter() (remove func()) {
	b.t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, 2), asm.Return(),
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = program.Close() })
	filter := &netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{
			LinkIndex: b.router.Link(b.t, "lan").Index(), Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1,
			Protocol: unix.ETH_P_ALL, Priority: 7,
		},
		Fd: program.FD(), Name: "foreign", DirectAction: true,
	}
	do := func(what func(netlink.Filter) error) {
		b.t.Helper()
		if err := b.router.Do(func() error { return what(filter) }); err != nil {
			b.t.Fatal(err)
		}
	}
	do(netlink.FilterAdd)
	return func() {
		b.t.Helper()
		do(netlink.FilterDel)
	}
}

// vlanPresent is the place of vlan_present in struct __sk_buff: whether the kernel keeps a tag apart from the frame.
const vlanPresent = 20

// A VLAN tag that the kernel keeps apart from the frame, as an interface of a VLAN leaves it, hides nothing either.
func TestTagApartFromTheFrame(t *testing.T) {
	b := newBed(t, false)
	foreign(t, b, ebpf.AttachTCXEgress,
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.Mov.Imm(asm.R2, unix.ETH_P_8021Q), asm.HostTo(asm.BE, asm.R2, asm.Half),
		asm.Mov.Imm(asm.R3, 42),
		asm.FnSkbVlanPush.Call(),
		asm.LoadMem(asm.R1, asm.R6, vlanPresent, asm.Word),
		asm.Mov.Imm(asm.R0, 2), // dropped unless the tag is where it is meant to be
		asm.JEq.Imm(asm.R1, 0, "end"),
		asm.Mov.Imm(asm.R0, -1),
		asm.Return().WithSymbol("end"),
	)
	p := b.unit()
	client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
	router := openPort(t, b.router, "lan", unix.ETH_P_ALL)
	claim, last := arp(router.mac, 1, virtualLAN, virtualLAN), arp(router.mac, 1, ownLAN, clientAddress)
	for _, isOpen := range []bool{true, false} {
		p.set(isOpen)
		router.send(claim, last)
		heard := client.collect("the last frame", func(f []byte) bool { return bytes.Equal(untagged(f), last) })
		if got := slices.ContainsFunc(heard, func(f []byte) bool { return bytes.Equal(untagged(f), claim) }); got != isOpen {
			t.Errorf("with the gate open=%t: heard %t", isOpen, got)
		}
	}
}
