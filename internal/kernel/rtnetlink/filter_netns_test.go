//go:build netns

package rtnetlink

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/hapair-io/hapair/test/testbed"
)

// program loads a program that leaves every packet to the filters after it.
func program(t *testing.T) (fd int, id uint32) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, -1), asm.Return(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	number, _ := info.ID()
	return p.FD(), uint32(number)
}

func TestFilter(t *testing.T) {
	c, link := isolateWithLAN(t)
	inForce := func(want uint32, directions ...Direction) {
		t.Helper()
		for _, d := range directions {
			if got, err := c.Filter(link.Index, d); err != nil || got != want {
				t.Fatalf("on %s is program %d instead of %d, %v", d, got, want, err)
			}
		}
	}
	inForce(0, Ingress, Egress)
	first, firstID := program(t)
	second, secondID := program(t)
	for range 2 {
		if err := c.SetFilter(link.Index, Ingress, Filter{Name: "first", Program: first}); err != nil {
			t.Fatal(err)
		}
		inForce(firstID, Ingress)
		inForce(0, Egress)
	}
	for _, d := range []Direction{Ingress, Egress} {
		if err := c.SetFilter(link.Index, d, Filter{Name: "second", Program: second}); err != nil {
			t.Fatal(err)
		}
	}
	inForce(secondID, Ingress, Egress)
	if got := tc(t, "filter show dev lan ingress"); strings.Count(got, "handle") != 1 ||
		!strings.Contains(got, "pref 1 ") || !strings.Contains(got, "second direct-action") {
		t.Fatal(got)
	}

	for _, d := range []Direction{Ingress, Egress} {
		if others, err := c.OtherFilters(link.Index, d); err != nil || others {
			t.Fatalf("others on %s: %t, %v", d, others, err)
		}
	}
	tc(t, "filter add dev lan egress pref 7 protocol ip u32 match u32 0 0")
	if others, err := c.OtherFilters(link.Index, Egress); err != nil || !others {
		t.Fatalf("somebody else's filter goes unseen: %v", err)
	}
	for range 2 {
		for _, d := range []Direction{Ingress, Egress} {
			if err := c.RemoveFilter(link.Index, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	inForce(0, Ingress, Egress)
	if got := tc(t, "filter show dev lan egress"); !strings.Contains(got, "u32") {
		t.Fatalf("somebody else's filter is gone: %s", got)
	}
}

// The kernel's place for filters in both directions is taken by that for one.
func TestFilterWhereIngressQdiscIs(t *testing.T) {
	c, link := isolateWithLAN(t)
	tc(t, "qdisc add dev lan ingress")
	fd, _ := program(t)
	err := c.SetFilter(link.Index, Egress, Filter{Name: "gate", Program: fd})
	if err == nil || !strings.Contains(err.Error(), `qdisc of kind "ingress"`) {
		t.Fatal(err)
	}
}

func tc(t *testing.T, line string) string { t.Helper(); return testbed.Own().Run(t, "tc "+line) }
