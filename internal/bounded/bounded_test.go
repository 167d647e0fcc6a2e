package bounded_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/bounded"
)

func TestReadFile(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		refused bool
	}{
		"empty":    {content: ""},
		"as long":  {content: "1234"},
		"too long": {content: "12345", refused: true},
		"far more": {content: strings.Repeat("1", 1<<20), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := bounded.ReadFile(path, 4)
			if test.refused {
				if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "4 bytes") {
					t.Errorf("error %v, want one that names the file and the limit", err)
				}
				return
			}
			if err != nil || string(got) != test.content {
				t.Errorf("ReadFile = %q, %v, want %q", got, err, test.content)
			}
		})
	}
}

func TestMissingFileIsToldFromALongOne(t *testing.T) {
	_, err := bounded.ReadFile(filepath.Join(t.TempDir(), "none"), 4)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

func TestFailingReaderIsReported(t *testing.T) {
	if _, err := bounded.ReadFile(t.TempDir(), 4); err == nil {
		t.Error("a folder was read as a file")
	}
}

func TestPutReplacesKnownKeysAtTheBound(t *testing.T) {
	m := map[string]int{}
	for _, test := range []struct {
		key   string
		value int
		want  bool
	}{{"a", 1, true}, {"b", 2, true}, {"c", 3, false}, {"a", 4, true}} {
		if got := bounded.Put(m, 2, test.key, test.value); got != test.want {
			t.Errorf("Put(%q, %d) = %t, want %t", test.key, test.value, got, test.want)
		}
	}
	if want := map[string]int{"a": 4, "b": 2}; !maps.Equal(m, want) {
		t.Errorf("got %v, want %v", m, want)
	}
}

func TestJoinNamesTheFirstAndCountsTheRest(t *testing.T) {
	for _, test := range []struct {
		texts []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"a", "b"}, "a; b"},
		{[]string{"a", "b", "c"}, "a; b; and 1 more"},
		{[]string{"a", "b", "c", "d"}, "a; b; and 2 more"},
	} {
		if got := bounded.Join(test.texts, 2); got != test.want {
			t.Errorf("Join(%q, 2) = %q, want %q", test.texts, got, test.want)
		}
	}
}
