//go:build netns

package nftables_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// inNamespace runs f in a new network namespace and removes the namespace afterwards.
func inNamespace(t *testing.T, name string, f func()) *testbed.Namespace {
	t.Helper()
	n := testbed.NewNamespace(t, name)
	err := n.Do(func() error {
		f()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
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

// withoutNoise returns a listing without what differs although the kernel has the same. Only nft stores how it prints a
// map. The text of a ruleset has no sizes of interfaces that do not exist.
func withoutNoise(listing string) string {
	for pattern, replacement := range map[string]string{
		`packets \d+ bytes \d+`: "", `: 0x[0-9a-f]{8}`: ": mark",
		`(map (?:segments|links).ipv[46] \{\n)(\t\t.*\n)*`: "$1",
	} {
		listing = regexp.MustCompile(pattern).ReplaceAllString(listing, replacement)
	}
	return listing
}

// withoutQueues returns a ruleset whose rules count in place of sending packets to a queue. Not every kernel has nft's
// form of a queue.
func withoutQueues(r ruleset.Ruleset) ruleset.Ruleset {
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			for i, e := range rule {
				if _, isQueue := e.(ruleset.SendToQueue); isQueue {
					rule[i] = ruleset.Counter{}
				}
			}
		}
	}
	return r
}

// TestReplaceEqualsText compares a ruleset that nft loaded from text with one that Replace applied.
func TestReplaceEqualsText(t *testing.T) {
	paths, err := filepath.Glob("../../firewall/plan/testdata/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for i, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := withoutQueues(compile(t, path))
			text := filepath.Join(t.TempDir(), "ruleset.nft")
			if err := os.WriteFile(text, []byte(r.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			var ours, nfts string
			inNamespace(t, fmt.Sprintf("ours%d", i), func() {
				if err := (nftables.Kernel{}).Replace(r); err != nil {
					t.Error(err)
				}
				if err := (nftables.Kernel{}).Verify(r); err != nil {
					t.Errorf("what was applied is not recognised: %v", err)
				}
				ours = withoutNoise(run(t, "nft", "list", "ruleset"))
			})
			inNamespace(t, fmt.Sprintf("nft%d", i), func() {
				run(t, "nft", "-f", text)
				nfts = withoutNoise(run(t, "nft", "list", "ruleset"))
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
		if err := kernel.Replace(r); err != nil {
			t.Error(err)
		}
		for _, command := range []string{
			"flush ruleset",
			"delete table inet hapair",
			"add table inet hapair { flags dormant; }",
			"flush chain inet hapair invalid",
			"add rule inet hapair traffic.forward accept",
			"insert rule inet hapair policy.web-in drop",
			"delete rule inet hapair traffic.forward handle FIRST",
			"replace rule inet hapair traffic.forward handle FIRST accept",
			"replace rule inet hapair traffic.forward handle FIRST meta l4proto udp jump messages.icmp",
			"add chain inet hapair mine; add rule inet hapair mine accept",
			"add chain inet hapair mine",
			"chain inet hapair forward { policy accept; }",
			"delete element inet hapair zone.lan { lan }",
			"add element inet hapair traffic { eth0 }",
			"flush set inet hapair traffic",
			"add set inet hapair mine { type ipv4_addr; }",
			"delete chain inet hapair output; add chain inet hapair output { type filter hook output priority 7; }",
			"delete chain inet hapair output; add chain inet hapair output",
		} {
			if err := kernel.Replace(r); err != nil {
				t.Error(err)
			}
			if err := kernel.Verify(r); err != nil {
				t.Errorf("before %s: %v", command, err)
			}
			generation, err := kernel.Generation()
			if err != nil {
				t.Error(err)
			}
			first := handles(t, "traffic.forward")[0]
			run(t, "nft", strings.ReplaceAll(command, "FIRST", first))
			if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
				t.Errorf("%s: %v", command, err)
			}
			if after, err := kernel.Generation(); err != nil || !nftables.Follows(after, generation) {
				t.Errorf("%s: the generation went from %d to %d (%v)", command, generation, after, err)
			}
		}
	})
}

// handles returns the handles of the rules of a chain.
func handles(t *testing.T, chain string) (all []string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`# handle (\d+)`).
		FindAllStringSubmatch(run(t, "nft", "-a", "list", "chain", "inet", "hapair", chain), -1) {
		all = append(all, found[1])
	}
	return all[1:] // The first one is that of the chain.
}

// A table with the name of a document is not its ruleset.
func TestVerifyRefusesATableThatOnlyClaimsADocument(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/full.yaml")
	r.Document = "cafe"
	inNamespace(t, "claimed", func() {
		kernel := nftables.Kernel{}
		run(t, "nft", "add table inet hapair; add chain inet hapair document.cafe")
		if hash, err := kernel.Document("hapair"); err != nil || hash != "cafe" {
			t.Errorf("the table claims %q, %v", hash, err)
		}
		if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
			t.Errorf("verified with %v", err)
		}
	})
}

// Each change of the table is notified, and changes of others are not mistaken for it. A caller that cannot keep up is
// told that something changed.
func TestFollowNotifiesEachChangeOfTheTable(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/full.yaml")
	n := inNamespace(t, "follow", func() {})
	changed := notify.New()
	testbed.Background(t, func(ctx context.Context) {
		follow := func() error { return nftables.Kernel{}.FollowTable(ctx, "hapair", changed.Notify) }
		if err := n.Do(follow); err != nil {
			t.Error(err)
		}
	})
	expect := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(5 * time.Second):
			t.Errorf("%s was not notified", what)
		}
	}
	nft := func(command string) { n.Firewall(t, command) }
	expect("the beginning")
	for _, command := range []string{
		"add table inet hapair", "add table inet hapair { flags dormant; }", "add chain inet hapair c",
		"add rule inet hapair c accept", "add set inet hapair s { type ipv4_addr; }",
		"add element inet hapair s { 192.0.2.1 }", "delete element inet hapair s { 192.0.2.1 }", "flush chain inet hapair c",
		"flush ruleset",
	} {
		nft(command)
		expect(command)
		time.Sleep(20 * time.Millisecond) // A transaction has several notifications.
		select {
		case <-changed:
		default:
		}
	}
	nft("add table ip hapair; add table inet other; add chain inet other c")
	time.Sleep(100 * time.Millisecond)
	select {
	case <-changed:
		t.Error("the change of another table was notified")
	default:
	}
	err := n.Do(func() error { return nftables.Kernel{}.Replace(r) })
	if err != nil {
		t.Error(err)
	}
	expect("a replacement")
}

// Chains of other programs are described, those of the firewall and the gate are not.
func TestForeignChainsAreFound(t *testing.T) {
	inNamespace(t, "foreign", func() {
		kernel := nftables.Kernel{}
		if err := kernel.Replace(compile(t, "../../firewall/plan/testdata/full.yaml")); err != nil {
			t.Error(err)
		}
		if found, err := kernel.Foreign("hapair"); err != nil || len(found) > 0 {
			t.Errorf("found %v, %v", found, err)
		}
		run(t, "nft", "add table ip filter; add chain ip filter helper; add table inet idle; "+
			"add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
		want := []string{"chain ip filter/FORWARD (hook forward, policy drop)"}
		if found, err := kernel.Foreign("hapair"); err != nil || !slices.Equal(found, want) {
			t.Errorf("found %v, %v", found, err)
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
	if err := d.Validate([]document.Network{{Name: "lan"}, {Name: "wan"}}); err != nil {
		t.Fatal(err)
	}
	return d
}
