package plan_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/ruleset"
)

var update = flag.Bool("update", false, "write the golden files")

func compile(t *testing.T, path string) ruleset.Ruleset {
	t.Helper()
	return plan.Compile(parse(t, path))
}

func parse(t *testing.T, path string) document.Document {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return d
}

// The ruleset of each document is next to it, for people to read.
func TestCompile(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			got := compile(t, path).String() + plan.CompileRouting(parse(t, path)).String()
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the ruleset differs from %s (go test -update writes it):\n%s", golden, got)
			}
		})
	}
}

// Every chain and set that a rule refers to exists exactly once. Otherwise the kernel refuses the ruleset.
func TestNamesAreDefinedOnce(t *testing.T) {
	for _, path := range []string{
		"testdata/full.yaml", "testdata/many-ways.yaml", "testdata/least.yaml", "testdata/ranges.yaml",
		"testdata/dynamic.yaml",
	} {
		r := compile(t, path)
		chains, sets := map[string]int{}, map[string]int{}
		for _, c := range r.Chains {
			chains[c.Name]++
		}
		for _, s := range r.InterfaceSets {
			sets[s.Name]++
		}
		for _, s := range r.AddressSets {
			sets[s.Name]++
		}
		for _, s := range r.PortSets {
			sets[s.Name]++
		}
		for _, s := range r.DynamicSets {
			sets[s.Name]++
		}
		for _, c := range r.Chains {
			for _, rule := range c.Rules {
				for _, e := range rule {
					if chain := chainOf(e); chain != "" && chains[chain] != 1 {
						t.Errorf("%s: chain %q is defined %d times", path, chain, chains[chain])
					}
					if set := setOf(e); set != "" && sets[set] != 1 {
						t.Errorf("%s: set %q is defined %d times", path, set, sets[set])
					}
				}
			}
		}
	}
}

func chainOf(e ruleset.Expression) string {
	switch e := e.(type) {
	case ruleset.Jump:
		return e.Chain
	case ruleset.Goto:
		return e.Chain
	default:
		return ""
	}
}

func setOf(e ruleset.Expression) string {
	switch e := e.(type) {
	case ruleset.InInterface:
		return e.Set
	case ruleset.OutInterface:
		return e.Set
	case ruleset.Source:
		return e.Set
	case ruleset.Destination:
		return e.Set
	case ruleset.Port:
		return e.Set
	default:
		return ""
	}
}
