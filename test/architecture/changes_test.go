package architecture

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/internal/class/vpn"
	"github.com/hapair-io/hapair/internal/firewall/report"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/replication/engine"
)

// maxFiles is how many files a common change may touch, tests, docs and generated files apart.
const maxFiles = 4

var listedFile = regexp.MustCompile("(?m)^- `([^`]+)`: ")

// TestChangesAreMadeInFewPlaces keeps docs/contributing/changes.md true.
func TestChangesAreMadeInFewPlaces(t *testing.T) {
	text, err := os.ReadFile("../../docs/contributing/changes.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		sections[title] = body
	}
	for _, title := range []string{
		"New class", "New failover field", "New condition reason", "New firewall match", "New metric",
		"New isolation policy", "New program", "New promotion step", "New chart value", "New kind of monitor",
	} {
		t.Run(title, func(t *testing.T) {
			files := listedFile.FindAllStringSubmatch(sections[title], -1)
			if len(files) == 0 || len(files) > maxFiles {
				t.Errorf("%d files are listed, at least 1 and at most %d are allowed", len(files), maxFiles)
			}
			for _, file := range files {
				name, _, hasPlaceholder := strings.Cut(file[1], "<")
				if hasPlaceholder {
					name = path.Dir(name + "x")
				}
				if _, err := os.Stat("../../" + name); err != nil {
					t.Errorf("%s does not exist", name)
				}
			}
			if !strings.Contains(sections[title], "\nCheck: `") || !strings.Contains(sections[title], "\nFails otherwise: ") {
				t.Error("it names no check, or not what fails otherwise")
			}
		})
	}
}

// TestEveryMetricIsDocumented collects the metrics from their registries, and looks for the row of each.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := recorder{}
	heartbeat.NewMetrics(names)
	engine.NewMetrics(names)
	report.NewMetrics(names)
	vpn.NewMetrics(names)
	if err := hapair.RegisterMetrics(names, nil); err != nil {
		t.Fatal(err)
	}
	if len(names) < 20 {
		t.Errorf("only %d metrics were found", len(names))
	}
	for name := range names {
		if !isDocumented(string(text), name) {
			t.Errorf("%s has no row in docs/metrics.md", name)
		}
	}
}

// isDocumented looks in the first column of the rows. A second name of a row may be a suffix, as in `_queue_bytes`.
func isDocumented(text, name string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		column, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !strings.HasPrefix(line, "| `hapair_") {
			continue
		}
		for cell := range strings.SplitSeq(column, ", ") {
			cell = strings.Trim(cell, "`")
			if cell == name || strings.HasPrefix(cell, "_") && strings.HasSuffix(name, cell) {
				return true
			}
		}
	}
	return false
}

// recorder is a registerer that records the names of metrics.
type recorder map[string]bool

var fqName = regexp.MustCompile(`fqName: "([^"]+)"`)

// Register records the names of a collector.
func (r recorder) Register(c prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 100)
	c.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		if match := fqName.FindStringSubmatch(d.String()); match != nil {
			r[match[1]] = true
		}
	}
	return nil
}

// MustRegister records the names of collectors.
func (r recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = r.Register(c) // It never fails.
	}
}

// Unregister reports false, since nothing is registered.
func (recorder) Unregister(prometheus.Collector) bool { return false }
