package architecture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hapair-io/hapair/"

// rule says what a package, and everything below it, must never reach by any chain of imports.
type rule struct {
	name   string
	from   []string // package prefixes within the module
	except []string
	never  []string // import path prefixes
	allow  []string // import path prefixes that are an exception of never
	why    string
}

var rules = []rule{
	{
		name: "decisions do no I/O",
		from: []string{
			"internal/ha", "internal/heartbeat/seal", "internal/state", "internal/replication/wire",
			"internal/replication/audit", "internal/replication/queue", "internal/replication/protocol",
			"internal/class/*/options", "internal/supervisor/lifecycle",
		},
		never: []string{
			"os/exec", "net/http", "syscall/js", "k8s.io/", "sigs.k8s.io/", "github.com/go-logr/logr",
			"golang.org/x/sys", "github.com/mdlayher", "github.com/vishvananda", module + "internal/kernel",
		},
		why: "they run in a simulator and must do there exactly what they do in a pod",
	},
	{
		name:  "the operator stays off the data plane",
		from:  []string{"controllers", "internal/resources", "internal/credentials", "cmd/manager"},
		never: []string{module + "internal/kernel", module + "internal/class", module + "internal/replication"},
		allow: []string{module + "internal/class/*/options"}, // pure, so that operator and unit validate alike
		why:   "the manager is never on the failover path and needs no capability",
	},
	{
		name:  "classes know no cluster",
		from:  []string{"internal/class"},
		never: []string{"k8s.io/", "sigs.k8s.io/controller-runtime", module + "api", module + "internal/replication"},
		why:   "a class is usable wherever there is a kernel",
	},
	{
		name:  "replication knows no cluster",
		from:  []string{"internal/replication"},
		never: []string{"k8s.io/", "sigs.k8s.io/controller-runtime", module + "api"},
		why:   "the API server's weather must not reach the data path",
	},
	{
		name: "the kernel package depends on no other package",
		from: []string{"internal/kernel"},
		never: []string{
			"k8s.io/", "sigs.k8s.io/controller-runtime", module + "api", module + "controllers",
			module + "internal/sidecar",
		},
		why: "it is the bottom layer",
	},
	{
		name:  "the API is types",
		from:  []string{"api"},
		never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime", module + "internal", module + "controllers"},
		why:   "others import it to build manifests",
	},
	{
		name:  "what ships does not know the tests",
		from:  []string{"api", "cmd", "controllers", "internal"},
		never: []string{module + "test"},
		why:   "the test cluster must never be linked into an image",
	},
	{
		name:  "a unit does not carry the operator",
		from:  []string{"internal/sidecar", "internal/gate", "internal/addresses", "cmd/sidecar"},
		never: []string{module + "controllers"},
		why:   "what can write to the cluster must not be in a unit's image",
	},
	{
		name:  "the firewall knows no cluster",
		from:  []string{"internal/firewall", "cmd/firewall"},
		never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"},
		why:   "it runs without an API server and has no right to ask one",
	},
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			seen := 0
			for path, deps := range packages {
				if !rule.covers(path) {
					continue
				}
				seen++
				for _, dep := range deps {
					if hasAnyPrefix(dep, rule.never) && !hasAnyPrefix(dep, rule.allow) {
						t.Errorf("%s reaches %s, but %s", path, dep, rule.why)
					}
				}
			}
			if seen == 0 {
				t.Errorf("no package is below %v: the rule guards nothing", rule.from)
			}
		})
	}
}

func (r rule) covers(path string) bool {
	local, ok := strings.CutPrefix(path, module)
	return ok && hasAnyPrefix(local, r.from) && !hasAnyPrefix(local, r.except)
}

// hasAnyPrefix reports whether a path begins with one of the prefixes. It compares whole path elements, so internal/ha
// does not cover internal/handle. An element "*" matches any element.
func hasAnyPrefix(path string, prefixes []string) bool {
	elements := strings.Split(path, "/")
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		wanted := strings.Split(strings.TrimSuffix(prefix, "/"), "/")
		equal := func(element, want string) bool { return want == "*" || element == want }
		return len(elements) >= len(wanted) && slices.EqualFunc(elements[:len(wanted)], wanted, equal)
	})
}

// listPackages maps every package of the module to all that it imports, directly or not; tests are left out.
func listPackages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Deps", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, stderr.String())
	}
	packages := map[string][]string{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p.Deps
	}
}
