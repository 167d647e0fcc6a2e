package examples

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/cli/firewall"
	"github.com/hapair-io/hapair/internal/cli/manager"
	"github.com/hapair-io/hapair/internal/cli/providertest"
	"github.com/hapair-io/hapair/internal/cli/sidecar"
	"github.com/hapair-io/hapair/internal/resources"
)

const root = "../../.."

func TestBlocks(t *testing.T) {
	text := "a\n```yaml\nb: 1\n---\nc: 2\n```\n1. d\n\n   ```sh\n   e\n     f\n   ```\n```\ng\n```\n"
	got := Blocks("x.md", text)
	want := []Block{{"x.md:2", "yaml", "b: 1\n---\nc: 2\n"}, {"x.md:9", "sh", "e\n  f\n"}, {"x.md:13", "", "g\n"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if objects := got[0].Objects(); len(objects) != 2 {
		t.Errorf("got the objects %q", objects)
	}
}

// TestObjectsAreValid checks every complete object of hapair.io with the code of the operator: no unknown field, and a
// firewall configuration that compiles. The tests of the operator apply them to an API server.
func TestObjectsAreValid(t *testing.T) {
	blocks, err := All(root, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, block := range blocks {
		for _, object := range block.Objects() {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal([]byte(object), &head); err != nil {
				t.Errorf("%s: %v", block.Place, err)
			}
			if head.APIVersion != v1alpha1.SchemeGroupVersion.String() {
				continue
			}
			checked++
			if err := check(head.Kind, object); err != nil {
				t.Errorf("%s: %s: %v", block.Place, head.Kind, err)
			}
		}
	}
	if checked < 3 {
		t.Errorf("only %d objects were found", checked)
	}
}

func check(kind, text string) error {
	switch kind {
	case "FirewallConfiguration":
		configuration := &v1alpha1.FirewallConfiguration{}
		if err := yaml.UnmarshalStrict([]byte(text), configuration); err != nil {
			return err
		}
		_, err := resources.FirewallDocument(configuration)
		return err
	case "SyncPolicy":
		policy := &v1alpha1.SyncPolicy{}
		if err := yaml.UnmarshalStrict([]byte(text), policy); err != nil {
			return err
		}
		_, err := resources.Sync(policy)
		return err
	default:
		return yaml.UnmarshalStrict([]byte(text), &v1alpha1.HAPair{})
	}
}

// TestCommandsExist checks that the subcommands, flags and make targets of the documentation exist.
func TestCommandsExist(t *testing.T) {
	pages, err := Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]func() *cobra.Command{
		"firewall": firewall.NewCommand, "manager": manager.NewCommand, "sidecar": sidecar.NewCommand,
		"bin/providertest": providertest.NewCommand,
	}
	targets, subcommands := makeTargets(t), clusterCommands(t)
	checked := 0
	for name, text := range pages {
		for _, line := range Commands(name, text) {
			words := strings.Fields(line)
			if len(words) < 2 {
				continue
			}
			program := strings.TrimPrefix(words[0], "/")
			switch newCommand, own := programs[program]; {
			case own:
				checked++
				if err := parse(newCommand(), words[1:]); err != nil {
					t.Errorf("%s: `%s`: %v", name, line, err)
				}
			case program == "make":
				checked++
				if !slices.Contains(targets, words[1]) {
					t.Errorf("%s: `%s`: the Makefile has no target %s", name, line, words[1])
				}
			case program == "bin/cluster" || program == "cluster":
				checked++
				if !slices.Contains(subcommands, words[1]) {
					t.Errorf("%s: `%s`: the command has no subcommand %s", name, line, words[1])
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d commands were found", checked)
	}
}

// parse parses the arguments of a command without running it.
func parse(command *cobra.Command, arguments []string) error {
	found, rest, err := command.Find(arguments)
	if err != nil {
		return err
	}
	return found.ParseFlags(rest)
}

func makeTargets(t *testing.T) []string {
	t.Helper()
	return matches(t, root+"/Makefile", `(?m)^([a-z0-9-]+):`)
}

// clusterCommands returns the subcommands of the test cluster, which is a program of its own.
func clusterCommands(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"lifecycle", "faults", "use", "status"} {
		names = append(names, matches(t, root+"/test/cluster/cmd/cluster/"+file+".go", `Use: +"([a-z-]+)`)...)
	}
	return names
}

func matches(t *testing.T, file, pattern string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	return found
}
