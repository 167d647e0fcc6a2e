//go:build netns

package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestMain(m *testing.M) {
	namespace.Alone()
	if out, err := testbed.Own().Try("ip link set lo up"); err != nil {
		fmt.Fprintf(os.Stderr, "Enabling the loopback interface: %v: %s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// healthAddress is where the started sidecar serves its health.
const healthAddress = "127.0.0.1:17781"

// A sidecar starts and reports that it lives, with settings of another release and without an API server.
func TestSidecarRunsWithSettingsOfAnotherRelease(t *testing.T) {
	makeTrafficInterfaces(t)
	for name, change := range map[string]func(settings map[string]any){
		"of this one": func(map[string]any) {},
		"of a later one, with unknown fields": func(s map[string]any) {
			s["tunnels"] = []string{"branch"}
			s["sync"].(map[string]any)["compression"] = true
		},
		"of an earlier one, without a field": func(s map[string]any) { delete(s, "healthDampingSeconds") },
	} {
		t.Run(name, func(t *testing.T) { runSidecarWhile(t, change, healthAddress, func() {}) })
	}
}

// makeTrafficInterfaces gives the unit its interfaces and says which pod it is.
func makeTrafficInterfaces(t *testing.T) {
	t.Helper()
	own := testbed.Own()
	testbed.Wire(t, own, "lan", own, "lan-far")
	testbed.Wire(t, own, "wan", own, "wan-far")
	t.Setenv("POD_NAMESPACE", "shop")
	t.Setenv("POD_UID", "00000000-0000-0000-0000-000000000001")
}

// runSidecarWhile runs the command until it reports that it lives, calls check, and stops the command.
func runSidecarWhile(t *testing.T, change func(settings map[string]any), health string, check func(), more ...string) {
	t.Helper()
	text, err := os.ReadFile("../../contract/testdata/golden/0.1.0/settings-largest.json")
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	change(document)
	if text, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	for file, content := range map[string]string{
		"sidecar.json": string(text),
		"kubeconfig": `{"apiVersion":"v1","kind":"Config","current-context":"a",` +
			`"contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],` +
			`"clusters":[{"name":"a","cluster":{"server":"https://127.0.0.1:1"}}],"users":[{"name":"a","user":{}}]}`,
	} {
		if err := os.WriteFile(filepath.Join(directory, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	command := NewCommand()
	command.SetArgs(append([]string{
		"--unit=primary", "--settings=" + filepath.Join(directory, "sidecar.json"), "--tls-dir=" + directory,
		"--kubeconfig=" + filepath.Join(directory, "kubeconfig"), "--health-bind-address=" + health,
		"--given-document=" + filepath.Join(directory, "given.json"),
		"--firewall-document=" + filepath.Join(directory, "firewall.json"),
		"--firewall-status=" + filepath.Join(directory, "firewall-status.json"), "--log-format=text",
	}, more...))
	ended := make(chan error, 1)
	go func() { ended <- command.ExecuteContext(ctx) }()
	healthy := poll.Until(timeout(t), 20*time.Millisecond, "the sidecar to live", func(ctx context.Context) error {
		select {
		case err := <-ended:
			t.Fatalf("the sidecar ended: %v", err)
		default:
		}
		return isHealthy(ctx, health)
	})
	if healthy == nil {
		check()
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the sidecar ended with %v", err)
	}
	if healthy != nil {
		t.Fatal(healthy)
	}
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func isHealthy(ctx context.Context, health string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+health+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the sidecar answers %s", response.Status)
	}
	return nil
}
