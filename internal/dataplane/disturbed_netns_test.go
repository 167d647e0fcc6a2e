//go:build netns

package dataplane

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/test/testbed"
)

// Learned routes stay in the data plane's table if the units have routing daemons, and are removed otherwise. Rules for
// packets that another program marks are no disturbance. With a firewall of a third party, nothing is.
func TestRoutesOfDaemonsAndThirdPartiesStay(t *testing.T) {
	const bgp = "route add 198.51.100.0/24 via 203.0.113.9 dev wan onlink table 7780 proto bgp"
	const held = "route add 198.51.100.0/24 via 203.0.113.9 dev wan onlink table 7780 proto 180 metric 9"
	const ospf = "-6 route add 2001:db8:51::/48 dev wan table 7780 proto ospf"
	const marked = "rule add priority 100 fwmark 1 lookup 100"
	for name, c := range map[string]struct {
		shared, hasDaemons bool
		stay, removed      []string
	}{
		"daemons": {
			hasDaemons: true, stay: []string{bgp, ospf, marked, held},
			removed: []string{
				strings.Replace(bgp, "7780", "7800", 1), strings.Replace(bgp, "bgp", "static", 1) + " metric 7",
				"rule add priority 100 iif lan lookup 100 protocol bgp",
			},
		},
		"no daemons": {
			stay: []string{marked}, removed: []string{bgp, ospf, held},
		},
		"a third party": {shared: true, stay: []string{
			"route add 198.51.100.0/24 via 203.0.113.9 dev wan onlink table 7780",
			"rule add priority 100 iif lan lookup 100",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			p := New(Options{
				Networks: b.networks, Kernel: b.kernel, Shared: c.shared, DynamicRouting: c.hasDaemons, Log: testr.New(t),
			})
			for _, line := range slices.Concat(c.stay, c.removed) {
				b.ip(line)
			}
			for range 2 {
				if err := p.Set(); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range c.stay {
				b.ip(strings.Replace(line, " add ", " del ", 1)) // It fails if there is no such route or rule.
			}
			for _, line := range c.removed {
				if _, err := b.unit.Try("ip " + strings.Replace(line, " add ", " del ", 1)); err == nil {
					t.Errorf("%q was not removed", line)
				}
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
