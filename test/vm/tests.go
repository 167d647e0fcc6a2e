package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// testsFile is where a guest has the test binary of RunTests.
const testsFile = "/tests"

// CompileTests builds the tests of a package for RunTests. The result belongs into the guest's files.
func CompileTests(t testing.TB, folder, tags string) map[string][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tests")
	command := exec.Command("go", "test", "-c", "-tags", tags, "-o", path, folder)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("Building the tests of %s: %v\n%s", folder, err, out)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{testsFile: binary}
}

// RunTests runs, as the program of a guest, the tests that CompileTests has built, with the arguments of go test.
func RunTests(ctx context.Context, arguments []string) error {
	command := exec.CommandContext(ctx, testsFile, arguments...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("running the tests: %w", err)
	}
	return nil
}
