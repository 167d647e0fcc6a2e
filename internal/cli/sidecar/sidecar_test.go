package sidecar

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "shop")
	t.Setenv("POD_UID", "4a5b")
	t.Setenv("POD_IP", "fd00::7")
	first, err := sidecarOptions{unit: "primary"}.identify()
	if err != nil {
		t.Fatal(err)
	}
	if first.peer != "secondary" || !regexp.MustCompile(`^primary/4a5b/[0-9a-f]{8}$`).MatchString(first.incarnation) {
		t.Errorf("identified as %+v", first)
	}
	if first.listenAddress != "[fd00::7]:7780" {
		t.Errorf("it listens at %s, which is not the pod's address", first.listenAddress)
	}
	second, err := sidecarOptions{unit: "primary"}.identify()
	if err != nil || second.incarnation == first.incarnation {
		t.Errorf("a second life is %q like the first, %v", second.incarnation, err)
	}
}

func TestIdentifySaysAllThatIsMissing(t *testing.T) {
	for _, name := range []string{"POD_NAMESPACE", "POD_UID"} {
		t.Setenv(name, "")
	}
	_, err := sidecarOptions{unit: "tertiary"}.identify()
	for _, part := range []string{"--unit", "tertiary", "POD_NAMESPACE", "POD_UID"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not speak of %s", err, part)
		}
	}
}

func TestEnableForwarding(t *testing.T) {
	file := filepath.Join(t.TempDir(), "forwarding")
	if err := enableForwarding(file); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "1\n" {
		t.Errorf("wrote %q, %v", text, err)
	}
	err := enableForwarding(filepath.Join(t.TempDir(), "no", "such", "directory"))
	if err == nil || !strings.Contains(err.Error(), "no IPv6") {
		t.Errorf("without the file: %v", err)
	}
}
