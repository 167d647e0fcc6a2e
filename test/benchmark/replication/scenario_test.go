package replication

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLogsOutliveARunThatFailed(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "failed")
	log, err := openLog(filepath.Join(from, "trial.log"))
	if err != nil {
		t.Fatal(err)
	}
	log.write("one\n")
	log.write("two")
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"primary.out", "primary.conf"} {
		if err := os.WriteFile(filepath.Join(from, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := keepLogs(from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(to, "trial.log"))
	if err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("kept %q, %v", text, err)
	}
	kept, err := filepath.Glob(filepath.Join(to, "*"))
	if err != nil || len(kept) != 2 {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestScenariosAreWhole(t *testing.T) {
	names := Names()
	for i, s := range scenarios {
		if slices.Contains(names[:i], s.name) {
			t.Errorf("two scenarios have the name %s", s.name)
		}
		for _, target := range s.targets {
			if other := target.against; other != "" && !slices.Contains(s.systems, other) {
				t.Errorf("%s: %s is compared with %s, which is not measured", s.name, target.what, other)
			}
			for _, name := range append(slices.Clone(target.cases), target.than) {
				if name != "" && !slices.Contains(s.cases, name) {
					t.Errorf("%s: %s names the case %q, which there is not", s.name, target.what, name)
				}
			}
		}
	}
}
