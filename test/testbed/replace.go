package testbed

import (
	"errors"
	"os"
	"testing"
)

// Replace replaces a file at once, as the kubelet does with what it mounts. A reader sees the old or the new text.
func Replace(t testing.TB, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
}
