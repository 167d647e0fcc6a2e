//go:build netns

package nftables_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/namespace"
)

// inNamespace runs f in a new network namespace and removes the namespace afterwards.
func inNamespace(t *testing.T, name string, f func()) string {
	t.Helper()
	name = fmt.Sprintf("hapair-t-%d-%s", os.Getpid(), name)
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { run(t, "ip", "netns", "del", name) })
	err := namespace.Do(namespace.Named(name), func() error {
		f()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func compile(t testing.TB, path string) ruleset.Ruleset {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Compile(d)
}

var counters = regexp.MustCompile(`packets \d+ bytes \d+`)

// TestReplaceEqualsText compares a ruleset that nft loaded from text with one that Replace applied.
func TestReplaceEqualsText(t *testing.T) {
	paths, err := filepath.Glob("../../firewall/plan/testdata/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for i, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := compile(t, path)
			text := filepath.Join(t.TempDir(), "ruleset.nft")
			if err := os.WriteFile(text, []byte(r.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			var ours, nfts string
			inNamespace(t, fmt.Sprintf("ours%d", i), func() {
				if err := (nftables.Kernel{}).Replace(r); err != nil {
					t.Error(err)
				}
				ours = counters.ReplaceAllString(run(t, "nft", "list", "ruleset"), "")
			})
			inNamespace(t, fmt.Sprintf("nft%d", i), func() {
				run(t, "nft", "-f", text)
				nfts = counters.ReplaceAllString(run(t, "nft", "list", "ruleset"), "")
			})
			for i, line := range strings.Split(nfts, "\n") {
				if got, _, _ := strings.Cut(ours, "\n"); got != line {
					t.Fatalf("line %d is %q, with nft it is %q", i+1, got, line)
				}
				_, ours, _ = strings.Cut(ours, "\n")
			}
			if ours != "" {
				t.Errorf("more than with nft: %s", ours)
			}
		})
	}
}

func TestReplaceIsAllOrNothing(t *testing.T) {
	good := compile(t, "../../firewall/plan/testdata/full.yaml")
	other := compile(t, "../../firewall/plan/testdata/least.yaml")
	inNamespace(t, "atomic", func() {
		kernel := nftables.Kernel{}
		run(t, "nft", "add", "table", "inet", "somebody-elses")
		if err := kernel.Replace(good); err != nil {
			t.Error(err)
			return
		}
		before := run(t, "nft", "list", "ruleset")

		// The last rule of a large transaction jumps to a chain that does not exist.
		bad := other
		bad.Chains = append(bad.Chains[:len(bad.Chains):len(bad.Chains)], ruleset.Chain{
			Name: "bad", Rules: []ruleset.Rule{{ruleset.Jump{Chain: "nowhere"}}},
		})
		err := kernel.Replace(bad)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the kernel's refusal is reported as %v", err)
		}
		if after := run(t, "nft", "list", "ruleset"); after != before {
			t.Errorf("the table changed:\n%s", after)
		}
		if err := kernel.Replace(other); err != nil {
			t.Error(err)
		}
		if err := kernel.Verify(good); !errors.Is(err, nftables.ErrAltered) {
			t.Errorf("verifying the replaced ruleset: %v", err)
		}
		if !strings.Contains(run(t, "nft", "list", "tables"), "somebody-elses") {
			t.Error("another table is gone")
		}
	})
}

func TestVerifyFindsAlterations(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/full.yaml")
	inNamespace(t, "altered", func() {
		kernel := nftables.Kernel{}
		if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
			t.Errorf("no table at all: %v", err)
		}
		for _, command := range []string{
			"delete table inet hapair",
			"flush chain inet hapair invalid",
			"add rule inet hapair traffic.forward accept",
			"insert rule inet hapair policy.web-in drop",
			"add chain inet hapair mine; add rule inet hapair mine accept",
		} {
			if err := kernel.Replace(r); err != nil {
				t.Error(err)
			}
			generation, err := kernel.Generation()
			if err != nil {
				t.Error(err)
			}
			run(t, "nft", command)
			if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
				t.Errorf("%s: %v", command, err)
			}
			if after, err := kernel.Generation(); err != nil || after == generation {
				t.Errorf("%s: the generation stayed %d (%v)", command, after, err)
			}
		}
	})
}

// TestLargeRulesets logs how long each operation takes on a large ruleset.
func TestLargeRulesets(t *testing.T) {
	cases := map[string]document.Document{
		"1,000 policies with objects of their own": manyPolicies(t, 1000, 1),
		"100 policies with 16,000 addresses":       manyPolicies(t, 100, 160),
	}
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			inNamespace(t, "large", func() {
				kernel := nftables.Kernel{}
				begin := time.Now()
				r := plan.Compile(d)
				compiled := time.Now()
				if err := kernel.Replace(r); err != nil {
					t.Error(err)
				}
				first := time.Now()
				if err := kernel.Replace(r); err != nil {
					t.Error(err)
				}
				second := time.Now()
				if err := kernel.Verify(r); err != nil {
					t.Error(err)
				}
				t.Logf("%d rules: compiled in %v, applied to nothing in %v, over itself in %v, verified in %v", r.Rules(),
					compiled.Sub(begin), first.Sub(compiled), second.Sub(first), time.Since(second))
			})
		})
	}
}

func manyPolicies(t testing.TB, policies, members int) document.Document {
	d := document.Document{
		Zones: []document.Zone{{Name: "lan", Interfaces: []string{"lan"}}, {Name: "wan", Interfaces: []string{"wan"}}},
	}
	for i := range policies {
		address := document.Address{Name: fmt.Sprintf("a%d", i)}
		for j := range members {
			block, err := document.ParseBlock(fmt.Sprintf("10.%d.%d.%d", i>>8, i&255, j*2&255))
			if err != nil {
				t.Fatal(err)
			}
			if j > 127 {
				block, _ = document.ParseBlock(fmt.Sprintf("11.%d.%d.%d", i>>8, i&255, j*2&255))
			}
			address.Members = append(address.Members, block)
		}
		d.Addresses = append(d.Addresses, address)
		ports := []document.PortRange{{First: 1, Last: uint16(i + 1)}}
		service := document.Service{Name: fmt.Sprintf("s%d", i), Protocol: document.TCP, Ports: ports}
		d.Services = append(d.Services, service)
		d.Policies = append(d.Policies, document.Policy{
			Name: fmt.Sprintf("p%d", i), From: []string{"lan"}, To: []string{"wan"}, Action: document.Accept,
			Source: []string{address.Name}, Services: []string{service.Name},
		})
	}
	if err := d.Validate([]string{"lan", "wan"}); err != nil {
		t.Fatal(err)
	}
	return d
}
