package sidecar

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// A sidecar that restarts in the middle of an upgrade reads the settings of another release, and starts.
func TestSidecarStartsWithSettingsOfAnotherRelease(t *testing.T) {
	current, err := os.ReadFile("../../contract/testdata/golden/0.1.0/settings-largest.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change  func(settings map[string]any)
		damping time.Duration
		grant   time.Duration
	}{
		"of a later one, with unknown fields": {
			change: func(s map[string]any) {
				s["tunnels"] = []string{"branch"}
				s["networks"].([]any)[0].(map[string]any)["mtu"] = 9000
				s["sync"].(map[string]any)["compression"] = true
			},
			damping: 3 * time.Second, grant: 450 * time.Millisecond,
		},
		"of a later one, with an unknown class": {
			change: func(s map[string]any) {
				sync := s["sync"].(map[string]any)
				sync["classes"] = append(sync["classes"].([]any), map[string]any{"name": "Telepathy", "weight": 9})
			},
			damping: 3 * time.Second, grant: 450 * time.Millisecond,
		},
		"of an earlier one, without fields": {
			change: func(s map[string]any) {
				delete(s, "healthDampingSeconds")
				delete(s, "grantMilliseconds")
				delete(s, "isolation")
				delete(s, "probes")
			},
			damping: contract.DefaultHealthDampingSeconds * time.Second, grant: 450 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var document map[string]any
			if err := json.Unmarshal(current, &document); err != nil {
				t.Fatal(err)
			}
			test.change(document)
			text, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "sidecar.json")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			start(t, file, test.damping, test.grant)
		})
	}
}

// start takes the settings as far as a process can without root: to the configuration of the machine, the networks, the
// monitors, the limits and the choice of classes.
func start(t *testing.T, file string, damping, grant time.Duration) {
	t.Helper()
	pair, err := readSettings(file)
	if err != nil {
		t.Fatal(err)
	}
	machine := machineConfig(unit{name: "primary"}, pair)
	if machine.Damping != damping || machine.Grant != grant || machine.LeaseDuration != 15*time.Second {
		t.Errorf("the machine is told %+v", machine)
	}
	if interfaces, _, err := trafficNetworks(pair); err != nil || len(interfaces) != 2 {
		t.Errorf("the networks are %v (%v)", interfaces, err)
	}
	for _, c := range pair.Sync.Classes {
		if _, err := state.Classes().Select(c.Name); err != nil {
			t.Errorf("class %s: %v", c.Name, err)
		}
	}
}
