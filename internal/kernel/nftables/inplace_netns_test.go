//go:build netns

package nftables_test

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// dynamicRuleset accepts packets to the unit from the addresses of a dynamic set and drops the others. The name makes a
// chain and a set of its own, so that two rulesets differ.
func dynamicRuleset(name string) ruleset.Ruleset {
	return ruleset.Ruleset{
		Table: "hapair", Document: name,
		InterfaceSets: []ruleset.InterfaceSet{
			{Name: "both", Interfaces: []string{"lo"}}, {Name: name, Interfaces: []string{"lo"}},
		},
		DynamicSets: []ruleset.DynamicSet{
			{Name: "dynamic.a.ipv4", Key: []ruleset.ElementType{ruleset.IPv4Address}},
			{
				Name: "dynamic.b.ipv6", Key: []ruleset.ElementType{ruleset.IPv6Address}, Timeout: time.Hour,
				IsFilledByRules: true,
			},
			{
				Name: "pinholes.g.ipv4", Key: []ruleset.ElementType{ruleset.IPv4Address, ruleset.PortNumber},
				Value: []ruleset.ElementType{ruleset.IPv4Address, ruleset.PortNumber},
			},
		},
		Chains: []ruleset.Chain{
			{Name: "input", Hook: &ruleset.Hook{Point: ruleset.Input}, Rules: []ruleset.Rule{
				{ruleset.InInterface{Set: "both"}, ruleset.Jump{Chain: "of." + name}},
			}},
			{Name: "of." + name, Rules: []ruleset.Rule{
				{
					ruleset.InInterface{Set: name},
					ruleset.Source{Family: ruleset.IPv4, Set: "dynamic.a.ipv4"},
					ruleset.Accept{},
				},
				{ruleset.RememberAddress{
					Family: ruleset.IPv6, Set: "dynamic.b.ipv6", Source: true, Timeout: time.Minute,
				}},
				{ruleset.Drop{}},
			}},
		},
	}
}

// must ends the function that runs in a namespace. There, Fatal would end the wrong goroutine.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

const someElements = "add element inet hapair dynamic.a.ipv4 { 127.0.0.1 timeout 60s, 192.0.2.9 }; " +
	"add element inet hapair dynamic.b.ipv6 { 2001:db8::1 timeout 60s expires 40s }; " +
	"add element inet hapair pinholes.g.ipv4 { 192.0.2.1 . 99 timeout 60s : 192.0.2.2 . 77 }"

// elementsOf lists the elements of the dynamic sets, without times.
func elementsOf(t *testing.T) string {
	t.Helper()
	var all []string
	for _, set := range [][]string{{"set", "dynamic.a.ipv4"}, {"set", "dynamic.b.ipv6"}, {"map", "pinholes.g.ipv4"}} {
		listing := run(t, "nft", "list", set[0], "inet", "hapair", set[1])
		_, listing, _ = strings.Cut(listing, "elements")
		listing = regexp.MustCompile(`(timeout|expires) \w+`).ReplaceAllString(listing, "")
		fields := strings.Fields(strings.Trim(listing, " \n\t={}"))
		all = append(all, strings.Join(fields, " "))
	}
	return strings.Join(all, "; ")
}

const wantElements = "127.0.0.1 , 192.0.2.9; 2001:db8::1; 192.0.2.1 . 99 : 192.0.2.2 . 77"

// A replaced ruleset keeps the elements of dynamic sets, and nothing else of the table, whatever others added to it.
func TestReplaceKeepsDynamicElements(t *testing.T) {
	withoutElements := func() string {
		listing := regexp.MustCompile(`(?s)elements = \{[^}]*\}`).ReplaceAllString(run(t, "nft", "list", "ruleset"), "")
		return strings.Join(strings.Fields(withoutNoise(listing)), " ")
	}
	var fresh string
	inNamespace(t, "fresh", func() {
		if err := (nftables.Kernel{}).Replace(dynamicRuleset("two")); err != nil {
			t.Error(err)
		}
		fresh = withoutElements()
	})
	for i, alteration := range []string{
		"add chain inet hapair mine",
		"add counter inet hapair mine; add rule inet hapair input counter name mine; " +
			"add rule inet hapair input ip saddr { 192.0.2.1, 192.0.2.2 } jump { drop; }",
		"add set inet hapair mine { type ipv4_addr; }; " +
			"add map inet hapair to { type ipv4_addr : verdict; elements = { 192.0.2.1 : jump of.one }; }",
		"add table inet hapair { flags dormant; }",
		"flush chain inet hapair input",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			inNamespace(t, fmt.Sprintf("keep%d", i), func() {
				kernel := nftables.Open()
				defer func() { _ = kernel.Close() }()
				for _, r := range []ruleset.Ruleset{dynamicRuleset("one"), dynamicRuleset("one")} {
					must(kernel.Replace(r))
				}
				run(t, "nft", someElements)
				if err := kernel.Verify(dynamicRuleset("one")); err != nil {
					t.Errorf("elements count as an alteration: %v", err)
				}
				run(t, "nft", alteration)
				must(kernel.Replace(dynamicRuleset("two")))
				if got := elementsOf(t); got != wantElements {
					t.Errorf("%s is left of %s", got, wantElements)
				}
				if err := kernel.Verify(dynamicRuleset("two")); err != nil {
					t.Errorf("what was applied is not recognised: %v", err)
				}
				if got := withoutElements(); got != fresh {
					t.Errorf("the table is\n%s\nwant\n%s", got, fresh)
				}
			})
		})
	}
}

// A dynamic set of other types or bounds is made again, and those that are not wanted any more go.
func TestReplaceMakesChangedDynamicSetsAgain(t *testing.T) {
	changes := map[string]func(*ruleset.DynamicSet){
		"key":     func(s *ruleset.DynamicSet) { s.Key = []ruleset.ElementType{ruleset.IPv4Address, ruleset.PortNumber} },
		"value":   func(s *ruleset.DynamicSet) { s.Value = []ruleset.ElementType{ruleset.PortNumber} },
		"timeout": func(s *ruleset.DynamicSet) { s.Timeout = time.Minute },
		"filled":  func(s *ruleset.DynamicSet) { s.IsFilledByRules = true },
		"name":    func(s *ruleset.DynamicSet) { s.Name = "dynamic.other.ipv4" },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			inNamespace(t, "remake", func() {
				kernel, before, after := nftables.Kernel{}, dynamicRuleset("one"), dynamicRuleset("two")
				must(kernel.Replace(before))
				run(t, "nft", someElements)
				change(&after.DynamicSets[0])
				after.Chains[1].Rules = after.Chains[1].Rules[1:]
				if err := kernel.Verify(after); !errors.Is(err, nftables.ErrAltered) {
					t.Errorf("the old set verifies as the new one: %v", err)
				}
				must(kernel.Replace(after))
				if err := kernel.Verify(after); err != nil {
					t.Error(err)
				}
				listing := run(t, "nft", "list", "table", "inet", "hapair")
				if strings.Contains(listing, "127.0.0.1") || !strings.Contains(listing, "192.0.2.1 . 99") {
					t.Errorf("want the elements of unchanged sets alone:\n%s", listing)
				}
			})
		})
	}
}

// While rulesets replace each other, all packets pass that both accept, and none that both drop.
func TestReplaceInPlaceIsAtomic(t *testing.T) {
	const rounds = 300
	inNamespace(t, "flip", func() {
		run(t, "ip", "link", "set", "lo", "up")
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		must(kernel.Replace(dynamicRuleset("one")))
		run(t, "nft", someElements)
		receiver, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(err)
		defer func() { _ = receiver.Close() }()
		send := func(from net.IP) *net.UDPConn {
			conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: from}, receiver.LocalAddr().(*net.UDPAddr))
			must(err)
			return conn
		}
		accepted, dropped := send(net.IPv4(127, 0, 0, 1)), send(net.IPv4(127, 0, 0, 2))
		defer func() { _, _ = accepted.Close(), dropped.Close() }()
		stop, result := make(chan struct{}), make(chan string)
		// One packet of each kind is under way at a time, so that no buffer overflows.
		go func() {
			b := make([]byte, 1)
			for n := 1; ; n++ {
				select {
				case <-stop:
					t.Logf("%d packets of each kind during %d replacements", n-1, rounds)
					result <- ""
					return
				default:
				}
				_, _ = dropped.Write([]byte{2})
				_, _ = accepted.Write([]byte{1})
				_ = receiver.SetReadDeadline(time.Now().Add(10 * time.Second))
				if _, err := receiver.Read(b); err != nil || b[0] != 1 {
					result <- fmt.Sprintf("packet %d: received kind %d, %v, want kind 1", n, b[0], err)
					return
				}
			}
		}()
		for i := range rounds {
			must(kernel.Replace(dynamicRuleset([]string{"two", "one"}[i%2])))
		}
		close(stop)
		if fault := <-result; fault != "" {
			t.Error(fault)
		}
	})
}

// Another program that changes the table all the time neither fails a replacement nor loses elements.
func TestReplaceWhileOthersChangeTheTable(t *testing.T) {
	inNamespace(t, "busy", func() {
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		must(kernel.Replace(dynamicRuleset("one")))
		run(t, "nft", someElements)
		var refused int
		for i := range 100 {
			// The listing of one round is outdated by the change of the next one.
			if i%2 == 0 {
				run(t, "nft", "add chain inet hapair mine")
			} else if slices.Contains(strings.Fields(run(t, "nft", "list", "table", "inet", "hapair")), "mine") {
				t.Error("the chain of another program is left")
			}
			if err := kernel.Replace(dynamicRuleset([]string{"two", "one"}[i%2])); err != nil {
				refused++
				t.Error(err)
			}
		}
		if got := elementsOf(t); got != wantElements || refused > 0 {
			t.Errorf("%s is left of %s, %d replacements were refused", got, wantElements, refused)
		}
	})
}
