package enforcement

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// numbered returns the text of a document that differs by its number.
func numbered(n int) []byte {
	return []byte(`{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{"zones":[{"name":"lan` +
		strconv.Itoa(n) + `","interfaces":["lan"]}]}}`)
}

func hashOf(n int) string { return document.Hash(numbered(n)) }

// kernel enforces a ruleset, and claims a document.
type kernel struct {
	mu      sync.Mutex
	claims  string
	helpers []string
	rules   string
	foreign []string
	errors  []error
}

func (k *kernel) Document(string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.errors) > 0 {
		err := k.errors[0]
		k.errors = k.errors[1:]
		return "", err
	}
	return k.claims, nil
}

func (k *kernel) Verify(r ruleset.Ruleset) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules != r.String() {
		return nftables.ErrAltered
	}
	return nil
}

func (k *kernel) Helpers(string) ([]string, error) { return k.helpers, nil }

func (k *kernel) Foreign(string) ([]string, error) { return k.foreign, nil }

func (k *kernel) FollowTables(ctx context.Context, _ string, changed func()) error {
	changed()
	<-ctx.Done()
	return nil
}

// enforce applies the ruleset of a document.
func (k *kernel) enforce(t *testing.T, n int) {
	t.Helper()
	parsed, err := document.Parse(numbered(n))
	if err != nil {
		t.Fatal(err)
	}
	r := plan.Compile(parsed)
	r.Document = hashOf(n)
	k.claims, k.rules = r.Document, r.String()
}

// scene is a checker whose check the test calls.
type scene struct {
	*testing.T
	kernel  *kernel
	checker *Checker
	metrics *prometheus.Registry
}

func newScene(t *testing.T) *scene {
	s := &scene{T: t, kernel: &kernel{}, metrics: prometheus.NewRegistry()}
	s.checker = New(Config{
		Kernel: s.kernel, AcceptedFile: filepath.Join(t.TempDir(), "accepted.json"),
		Metrics: NewMetrics(s.metrics), Log: testr.New(t),
	})
	return s
}

// expect checks which document is in force, or why none is.
func (s *scene) expect(hash, reason string) {
	s.Helper()
	state := s.checker.check(s.Context())
	if state.Document != hash || !strings.Contains(state.Reason, reason) || (reason == "") != (state.Reason == "") {
		s.Errorf("the state is %+v, want document %q, reason %q", state, hash, reason)
	}
}

// expectFTPAnd expects a document with FTP and another service, and returns its whole ruleset.
func (s *scene) expectFTPAnd(service string) ruleset.Ruleset {
	s.Helper()
	text := []byte(`{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
		`"zones":[{"name":"lan","interfaces":["lan"]}],"services":[{"name":"ftp","protocol":"TCP","ports":[21]},` +
		service + `]}}`)
	parsed, err := document.Parse(text)
	if err != nil {
		s.Fatal(err)
	}
	whole := plan.Compile(parsed)
	whole.Document = document.Hash(text)
	s.checker.Expect(text)
	return whole
}

// The firewall leaves out helpers that the kernel does not have. Everything else must be in force.
func TestRulesetWithoutAMissingHelperIsInForce(t *testing.T) {
	s := newScene(t)
	whole := s.expectFTPAnd(`{"name":"sip","protocol":"UDP","ports":[5060],"helper":"SIP"}`)
	for _, helpers := range [][]string{{"ftp.tcp", "sip.udp"}, {"ftp.tcp"}, {}} {
		s.kernel.claims, s.kernel.helpers = whole.Document, helpers
		s.kernel.rules = whole.WithHelpers(helpers).String()
		s.expect(whole.Document, "")
	}
	s.kernel.helpers = []string{"ftp.tcp"}
	s.expect("", nftables.ErrAltered.Error())
}

// The firewall leaves out the rules of application gateways if the kernel has no queues.
func TestRulesetWithoutQueuesIsInForce(t *testing.T) {
	s := newScene(t)
	whole := s.expectFTPAnd(`{"name":"cameras","protocol":"TCP","ports":[554],"helper":"RTSP"}`)
	for _, helpers := range [][]string{{"ftp.tcp"}, {}} {
		s.kernel.claims, s.kernel.helpers = whole.Document, helpers
		s.kernel.rules = whole.WithHelpers(helpers).WithoutQueues().String()
		s.expect(whole.Document, "")
	}
	s.kernel.rules = strings.Replace(s.kernel.rules, "label set 122", "accept", 1)
	s.expect("", nftables.ErrAltered.Error())
}

func TestOnlyCompleteRulesetsOfKnownDocumentsAreInForce(t *testing.T) {
	s := newScene(t)
	s.expect("", "has no ruleset")
	s.checker.Expect(numbered(1))
	s.expect("", "has no ruleset")
	s.kernel.enforce(t, 1)
	s.expect(hashOf(1), "")

	s.kernel.rules += "accept"
	s.expect("", "not as it was applied")
	s.kernel.rules = "" // A table with nothing but the name of the document.
	s.expect("", "not as it was applied")
	s.kernel.enforce(t, 2)
	s.expect("", "was not delivered")
	s.kernel.claims = hashOf(1)
	s.expect("", "not as it was applied")
	s.kernel.claims, s.kernel.rules = "", ""
	s.expect("", "has no ruleset")
}

// The rules of an earlier document protect as well, while the newest is refused.
func TestEarlierDocumentCountsWhileTheNewestIsRefused(t *testing.T) {
	s := newScene(t)
	s.checker.Expect(numbered(1))
	s.kernel.enforce(t, 1)
	s.expect(hashOf(1), "")
	for n := 2; n < 2+3*maxKnown; n++ {
		s.checker.Expect(numbered(n))
	}
	s.expect(hashOf(1), "")
	newest := 1 + 3*maxKnown
	s.kernel.enforce(t, newest)
	s.expect(hashOf(newest), "")
}

// After a restart of the sidecar the rules in force are recognised, also if only an earlier document explains them. The
// file that helps with it opens nothing by itself.
func TestRestartedCheckerKnowsTheAcceptedDocument(t *testing.T) {
	s := newScene(t)
	s.checker.Expect(numbered(1))
	s.kernel.enforce(t, 1)
	s.expect(hashOf(1), "")

	s.checker = New(s.checker.config)
	s.checker.config.Metrics = nil
	s.checker.Expect(numbered(2))
	s.checker.recall()
	s.expect(hashOf(1), "")
	s.kernel.claims, s.kernel.rules = "", ""
	s.expect("", "has no ruleset")
	s.kernel.claims = hashOf(1)
	s.expect("", "not as it was applied")

	if err := os.WriteFile(s.checker.config.AcceptedFile, []byte("forged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.checker = New(s.checker.config)
	s.checker.recall()
	s.kernel.claims = document.Hash([]byte("forged"))
	s.expect("", "is invalid")
}

// A moment in which the kernel does not answer changes nothing. A kernel that does not answer at all counts as
// one without rules.
func TestKernelThatDoesNotAnswerCountsAsWithoutRules(t *testing.T) {
	s := newScene(t)
	s.checker.Expect(numbered(1))
	s.kernel.enforce(t, 1)
	busy := errors.New("device or resource busy")
	s.kernel.errors = []error{busy, busy}
	s.expect(hashOf(1), "")
	s.kernel.errors = []error{busy, busy, busy}
	s.expect("", "device or resource busy")
	s.expect(hashOf(1), "")
}

// Chains of other programs are reported and change nothing else.
func TestForeignChainsDoNotMatter(t *testing.T) {
	s := newScene(t)
	s.checker.Expect(numbered(1))
	s.kernel.enforce(t, 1)
	s.kernel.foreign = []string{"chain ip filter/FORWARD (hook forward, policy drop)"}
	s.expect(hashOf(1), "")
	if got := s.checker.check(t.Context()).Foreign; len(got) != 1 {
		t.Errorf("reported are %v", got)
	}
}

func TestMetricsCountLosses(t *testing.T) {
	s := newScene(t)
	s.checker.Expect(numbered(1))
	for range 2 {
		s.kernel.enforce(t, 1)
		s.expect(hashOf(1), "")
		s.kernel.claims = ""
		s.expect("", "has no ruleset")
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
	}
	if got["hapair_firewall_rules_in_force"] != 0 || got["hapair_firewall_rules_lost_total"] != 2 {
		t.Errorf("the metrics are %v", got)
	}
}

// Run reports at once and after each change, and ends with its context.
func TestRunReportsEachVerification(t *testing.T) {
	s := newScene(t)
	states := make(chan State)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.checker.Run(ctx, func(state State) {
			select {
			case states <- state:
			case <-ctx.Done():
			}
		})
	}()
	await := func(hash string) {
		t.Helper()
		for (<-states).Document != hash {
		}
	}
	await("")
	s.kernel.mu.Lock()
	s.kernel.enforce(t, 1)
	s.kernel.mu.Unlock()
	s.checker.Expect(numbered(1))
	await(hashOf(1))
	s.kernel.mu.Lock()
	s.kernel.claims = ""
	s.kernel.mu.Unlock()
	s.checker.Recheck()
	await("")
	cancel()
	<-ended
}
