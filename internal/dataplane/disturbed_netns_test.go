//go:build netns

package dataplane

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/test/testbed"
)

// Routes of routing daemons, and rules for packets that another program marks, are no disturbance. With a firewall of a
// third party, nothing is.
func TestRoutesOfDaemonsAndThirdPartiesStay(t *testing.T) {
	for name, c := range map[string]struct {
		shared bool
		lines  []string
	}{
		"daemons": {lines: []string{
			"route add 198.51.100.0/24 via 203.0.113.9 dev wan onlink table 7780 proto bgp",
			"-6 route add 2001:db8:51::/48 dev wan table 7780 proto ospf",
			"route add 192.0.2.0/24 via 203.0.113.9 dev wan onlink table 7780 proto 180",
			"rule add priority 100 fwmark 1 lookup 100",
		}},
		"a third party": {shared: true, lines: []string{
			"route add 198.51.100.0/24 via 203.0.113.9 dev wan onlink table 7780",
			"rule add priority 100 iif lan lookup 100",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			p := New(Options{Networks: b.networks, Kernel: b.kernel, Shared: c.shared, Log: testr.New(t)})
			for _, line := range c.lines {
				b.ip(line)
			}
			for range 2 {
				if err := p.Set(); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range c.lines {
				b.ip(strings.Replace(line, " add ", " del ", 1)) // It fails if there is no such route or rule.
			}
		})
	}
}

// What drops all packets and is not for the sidecar to remove is a fault that says what to do.
func TestWhatBlocksTheDataPlaneIsAFault(t *testing.T) {
	b := newBed(t)
	policies := testbed.Open(t, b.unit, xfrm.OpenPolicies)
	p := New(Options{Networks: b.networks, Kernel: b.kernel, Policies: policies, Settings: "/proc/sys", Log: testr.New(t)})
	if err := p.Set(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ block, undo, message string }{
		{"ip xfrm policy add dir out action block", "ip xfrm policy flush", "IPsec"},
		{"ip xfrm policy setdefault fwd block", "ip xfrm policy setdefault fwd accept", "default of dir fwd"},
		{"sysctl -w net.ipv4.conf.all.arp_ignore=8", "sysctl -w net.ipv4.conf.all.arp_ignore=0", "conf.all.arp_ignore is 8"},
	} {
		b.unit.Run(t, c.block)
		err := p.Set()
		b.unit.Run(t, c.undo)
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("after %q, the fault is %v", c.block, err)
		}
		if err := p.Set(); err != nil {
			t.Errorf("after %q, the fault is %v", c.undo, err)
		}
	}
}

// A program at an interface that sees frames before the kernel is a fault too.
func TestProgramInFrontOfAnInterfaceIsAFault(t *testing.T) {
	b := newBed(t)
	p := New(Options{Networks: b.networks, Kernel: b.kernel, Log: testr.New(t)})
	if err := p.Set(); err != nil {
		t.Fatal(err)
	}
	const drop = 1 // XDP_DROP
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, drop), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	attached, err := link.AttachXDP(link.XDPOptions{Program: program, Interface: b.unit.Link(t, "lan").Index()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Set(); err == nil || !strings.Contains(err.Error(), "ip link set lan xdp off") {
		t.Errorf("with a program, the fault is %v", err)
	}
	if err := attached.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Set(); err != nil {
		t.Errorf("without the program, the fault is %v", err)
	}
}
