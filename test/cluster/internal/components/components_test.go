package components

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

func TestEveryFileThatAProgramIsToldOfIsMade(t *testing.T) {
	paths := newPaths(t)
	for _, host := range layout.Nodes() {
		node := render(t, host, paths)
		texts := [][]byte{}
		for _, program := range node.Programs {
			texts = append(texts, []byte(strings.Join(program.Args, "\n")+"\n"+program.When.Authority))
		}
		for _, file := range node.Files {
			texts = append(texts, file.Content)
		}
		for _, path := range pathsBelow(paths.Keys, bytes.Join(texts, []byte("\n"))) {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("a program of %s uses a file that is never created: %v", host.Name, err)
			}
		}
	}
}

func TestEveryConfigurationThatAProgramIsToldOfIsRendered(t *testing.T) {
	for _, host := range layout.Workers() {
		paths := newPaths(t)
		node := render(t, host, paths)
		rendered := map[string]bool{}
		for _, file := range node.Files {
			rendered[filepath.Join(configDir, file.Name)] = true
		}
		for _, program := range node.Programs {
			for _, arg := range program.Args {
				if path, ok := strings.CutPrefix(arg, "--config="); ok && !rendered[path] {
					t.Errorf("%s of %s uses %s, which is not rendered", program.Name, host.Name, path)
				}
			}
		}
	}
}

func TestNoFlagIsGivenTwice(t *testing.T) {
	paths := newPaths(t)
	for _, host := range layout.Nodes() {
		for _, program := range render(t, host, paths).Programs {
			seen := map[string]bool{}
			for _, arg := range program.Args {
				flag, _, _ := strings.Cut(arg, "=")
				if seen[flag] {
					t.Errorf("%s gets %s twice", program.Name, flag)
				}
				seen[flag] = true
			}
		}
	}
}

func TestConfigurationsAreWellFormed(t *testing.T) {
	parsers := map[string]func([]byte) error{
		".yaml":     func(text []byte) error { return yaml.UnmarshalStrict(text, &map[string]any{}) },
		".conflist": func(text []byte) error { return json.Unmarshal(text, &map[string]any{}) },
		".toml":     func([]byte) error { return nil }, // see TestContainerdIsToldOfTheCluster
	}
	paths := newPaths(t)
	for _, host := range layout.Workers() {
		for _, file := range render(t, host, paths).Files {
			if err := parsers[filepath.Ext(file.Name)](file.Content); err != nil {
				t.Errorf("%s of %s: %v", file.Name, host.Name, err)
			}
		}
	}
}

func TestContainerdIsToldOfTheCluster(t *testing.T) {
	paths := newPaths(t)
	host := layout.Workers()[0]
	text, err := renderContainerd(host, paths, configDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`sandbox = "localhost/hapair/pause:1"`,
		`BinaryName = "/usr/sbin/runc"`,
		`bin_dirs = ["/programs/cni"]`,
		`conf_dir = "/config/networks"`,
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("missing in the configuration: %s\n%s", line, text)
		}
	}
}

func TestEachWorkerHasPodsOfItsOwn(t *testing.T) {
	paths := newPaths(t)
	for _, host := range layout.Workers() {
		text, err := renderNetwork(host, paths, configDir)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), host.PodSubnet.String()) {
			t.Errorf("%s does not give its pods addresses of %s: %s", host.Name, host.PodSubnet, text)
		}
	}
}

func TestKubeconfigHoldsAllThatItNeeds(t *testing.T) {
	paths := newPaths(t)
	if err := WriteKubeconfig(AdminUser, "https://127.0.0.1:1", paths); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", paths.KubeconfigPath(AdminUser))
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://127.0.0.1:1" {
		t.Errorf("server = %s", config.Host)
	}
	for what, data := range map[string][]byte{
		"authority": config.CAData, "certificate": config.CertData, "key": config.KeyData,
	} {
		if len(data) == 0 {
			t.Errorf("it does not contain its %s", what)
		}
	}
}

const configDir = "/config"

func newPaths(t *testing.T) Paths {
	t.Helper()
	paths := Paths{
		Bin: "/programs", Keys: filepath.Join(t.TempDir(), "keys"),
		Runc: "/usr/sbin/runc", PauseImage: "localhost/hapair/pause:1",
	}
	if err := pki.Ensure(paths.Keys, Certificates()); err != nil {
		t.Fatal(err)
	}
	return paths
}

func render(t *testing.T, host layout.Host, paths Paths) Node {
	t.Helper()
	node, err := ForNode(host, paths, configDir)
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// pathsBelow returns every path in a text that is below a folder.
func pathsBelow(dir string, text []byte) []string {
	var found []string
	separates := func(r rune) bool { return strings.ContainsRune("\n\",= ", r) }
	for field := range strings.FieldsFuncSeq(string(text), separates) {
		if strings.HasPrefix(field, dir+"/") {
			found = append(found, field)
		}
	}
	return found
}
