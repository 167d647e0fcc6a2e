package contract_test

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/contract"
)

var update = flag.Bool("update", false, "write the golden documents of this release instead of comparing them")

const golden = "testdata/golden"

// smallest returns the settings of a pair that leaves out what it may leave out.
func smallest() contract.Settings {
	s := whole()
	s.Preemption, s.Probes = nil, nil
	s.Networks = []contract.Network{{
		Interface: "lan", VirtualAddresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
	}}
	s.Sync = contract.Sync{Classes: []contract.SyncClass{}, AuditIntervalSeconds: 600}
	return s
}

// largest returns settings that use every field.
func largest() contract.Settings {
	s := whole()
	s.Providers = providers()
	s.Sync = contract.Sync{
		Classes: []contract.SyncClass{{Name: "ConnectionCache", Weight: 16, Options: json.RawMessage(
			`{"protocols":["TCP","UDP"],"excludedNetworks":["198.51.100.0/24"],"tcpStates":["Established"],` +
				`"minimumAgeSeconds":5}`)}},
		RecordsPerSecond: 50_000, KilobitsPerSecond: 100_000, AuditIntervalSeconds: 3600,
	}
	return s
}

// current returns what this release writes, by the name of the golden document.
func current() map[string]any {
	return map[string]any{
		"settings-smallest.json": smallest(),
		"settings-largest.json":  largest(),
		"unit-status.json":       fullStatus(),
		"unit-status-empty.json": contract.UnitStatus{},
		"firewall-status.json": contract.FirewallStatus{
			Hash: strings.Repeat("a", 64), RefusedHash: strings.Repeat("b", 64), Error: "policies[0].from: unknown zone",
		},
		"firewall-status-empty.json": contract.FirewallStatus{},
	}
}

// release returns the release that is being built: the version of the chart.
func release(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../charts/hapair/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var chart struct{ Version string }
	if err := yaml.Unmarshal(text, &chart); err != nil || chart.Version == "" {
		t.Fatalf("the chart has no version (%v)", err)
	}
	return chart.Version
}

// The golden documents of this release are what this release writes. To change them, run
// go test ./internal/contract -update. Those of earlier releases must stay as they are.
func TestGoldenDocumentsAreCurrent(t *testing.T) {
	for name, document := range current() {
		path := filepath.Join(golden, release(t), name)
		encoded, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, '\n')
		if *update {
			if err := os.WriteFile(path, encoded, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != string(encoded) {
			t.Errorf("%s is not what this release writes (%v):\n%s", path, err, encoded)
		}
	}
}

// A unit and an operator of any two releases meet during an upgrade.
func TestGoldenDocumentsParse(t *testing.T) {
	parsers := map[string]func([]byte) error{
		"settings": func(document []byte) error {
			_, err := contract.Parse(document)
			return err
		},
		"unit-status": func(document []byte) error {
			_, err := contract.ParseUnitStatus(document)
			return err
		},
		"firewall-status": func(document []byte) error {
			_, err := contract.ParseFirewallStatus(document)
			return err
		},
	}
	releases, err := filepath.Glob(filepath.Join(golden, "*"))
	if err != nil || len(releases) == 0 {
		t.Fatalf("no golden documents were found (%v)", err)
	}
	for _, directory := range releases {
		for kind, parse := range parsers {
			documents, err := filepath.Glob(filepath.Join(directory, kind+"*.json"))
			if err != nil || len(documents) == 0 {
				t.Errorf("%s has no %s (%v)", directory, kind, err)
			}
			for _, path := range documents {
				t.Run(path, func(t *testing.T) {
					document, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					if err := parse(document); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Settings that lack the fields that were added last take the defaults of those.
func TestSettingsOfAnEarlierRelease(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(golden, "0.1.0", "settings-lacking-fields.json"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := contract.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.HealthDampingSeconds != contract.DefaultHealthDampingSeconds || parsed.GrantMilliseconds != 450 ||
		parsed.Isolation != contract.DefaultIsolation {
		t.Errorf("got %+v", parsed)
	}
}
