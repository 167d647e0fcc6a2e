package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOpenFindsTheRepository(t *testing.T) {
	t.Setenv(BinVariable, "")
	c, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(c.Bin()), "go.mod")); err != nil || filepath.Base(c.Bin()) != "bin" {
		t.Errorf("the folder of programs is %s: %v", c.Bin(), err)
	}
	t.Setenv(BinVariable, "/elsewhere")
	if c, err = Open(); err != nil || c.Bin() != "/elsewhere" {
		t.Errorf("with %s set: %v, %v", BinVariable, c, err)
	}
}

func TestOpenOutsideOfTheRepositorySaysWhatToDo(t *testing.T) {
	t.Setenv(BinVariable, "")
	t.Chdir(t.TempDir())
	if _, err := Open(); err == nil || !strings.Contains(err.Error(), BinVariable) {
		t.Errorf("error = %v", err)
	}
}

func TestMissingProgramsAreNamedWithWhatBuildsThem(t *testing.T) {
	bin := t.TempDir()
	for _, r := range requirements() {
		path := filepath.Join(bin, r.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if r.path == "etcd" || r.path == pauseArchive {
			continue
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c, err := At(bin)
	if err != nil {
		t.Fatal(err)
	}
	err = c.checkRequirements()
	if err == nil {
		t.Fatal("no program is missing")
	}
	for _, want := range []string{"no etcd: run `make kubernetes`", "no images/pause.tar: run `make images`"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not contain %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "ctr") {
		t.Errorf("the error names an existing program: %v", err)
	}
}

func TestWrongNamesAreRefusedBeforeAnythingElse(t *testing.T) {
	c, err := At(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"an unknown node":             c.Cut(Worker1, "worker-3"),
		"a host that is not a node":   c.Heal(Client, Worker1),
		"a cut through a single node": c.Cut(Worker1, Worker1),
		"an unknown interface":        c.Unplug(Client, "lan0"),
		"power of a host":             c.PowerOff(t.Context(), Server),
		"a signal to a host":          c.Signal(Program{Node: Client, Name: "sh"}, unix.SIGKILL),
		"the clock of a host":         c.SetClock(t.Context(), Server, time.Hour),
	} {
		if err == nil || strings.Contains(err.Error(), "root") {
			t.Errorf("%s: error = %v", what, err)
		}
	}
}

func TestRecordsAppearWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node", "record.json")
	var value map[string]int
	if found, err := readRecord(path, &value); found || err != nil {
		t.Errorf("a missing record: %t, %v", found, err)
	}
	if err := writeRecord(path, map[string]int{"pid": 1}); err != nil {
		t.Fatal(err)
	}
	if found, err := readRecord(path, &value); !found || err != nil || value["pid"] != 1 {
		t.Errorf("record = %v, %t, %v", value, found, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("files next to the record: %v, %v", left, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecord(path, &value); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a truncated record: error = %v", err)
	}
}
