package hapair

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// TestReportOfAnotherPod checks that the report of an earlier pod is not believed.
func TestReportOfAnotherPod(t *testing.T) {
	own := good.facts(v1alpha1.Primary)
	for incarnation, believed := range map[string]bool{
		"primary/primary/0123abcd":   true,
		"primary/earlier/0123abcd":   false,
		"secondary/primary/0123abcd": false,
		"primary/primary":            false,
		"":                           false,
	} {
		object := &v1alpha1.HAUnit{Status: v1alpha1.HAUnitStatus{Incarnation: incarnation}}
		if got := reportOf(v1alpha1.Primary, own, object) != nil; got != believed {
			t.Errorf("%q: believed is %v", incarnation, got)
		}
		if reportOf(v1alpha1.Primary, unitFacts{}, object) != nil {
			t.Errorf("%q: believed without a pod", incarnation)
		}
	}
}

func TestFenceAndHealth(t *testing.T) {
	const healthy, unhealthy, unknown = "true", "false", ""
	link := func(is bool, message string) []v1alpha1.UnitHealth {
		return []v1alpha1.UnitHealth{{Name: "Firewall", Healthy: true}, {Name: "lan", Healthy: is, Message: message}}
	}
	for name, test := range map[string]struct {
		ready   bool
		report  *v1alpha1.HAUnitStatus
		fence   v1alpha1.Fence
		healthy string
		fault   string
	}{
		"no report":       {true, nil, "", unknown, ""},
		"an empty report": {true, &v1alpha1.HAUnitStatus{}, "", unknown, ""},
		"BPF, healthy":    {true, &v1alpha1.HAUnitStatus{Fence: "BPF", Health: link(true, "")}, "BPF", healthy, ""},
		"nftables, unhealthy": {
			true, &v1alpha1.HAUnitStatus{Fence: "NFTables", Health: link(false, "no carrier")},
			"NFTables", unhealthy, "lan: no carrier",
		},
		"a fence to come":    {true, &v1alpha1.HAUnitStatus{Fence: "Magic", Health: link(true, "")}, "Magic", healthy, ""},
		"healthy, not ready": {false, &v1alpha1.HAUnitStatus{Fence: "BPF", Health: link(true, "")}, "BPF", unknown, ""},
		"unhealthy, not ready": {
			false, &v1alpha1.HAUnitStatus{Fence: "BPF", Health: link(false, "no carrier")},
			"BPF", unhealthy, "lan: no carrier",
		},
		"a very long fault": {
			true, &v1alpha1.HAUnitStatus{Health: link(false, strings.Repeat("x", 4096))},
			"", unhealthy, "lan: " + strings.Repeat("x", maxQuoted-8) + "…",
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := seen{ready: test.ready}.facts(v1alpha1.Primary)
			u.report = test.report
			is, fault := u.health()
			got := unknown
			if is != nil {
				got = map[bool]string{true: healthy, false: unhealthy}[*is]
			}
			if u.fence() != test.fence || got != test.healthy || len(fault) > maxQuoted ||
				!strings.HasPrefix(fault, strings.TrimSuffix(test.fault, "x…")[:min(len(test.fault), 64)]) ||
				(fault == "") != (test.fault == "") {
				t.Errorf("got fence %q, healthy %q, fault %q", u.fence(), got, fault)
			}
		})
	}
}

func record(to v1alpha1.Unit, term int64) v1alpha1.FailoverRecord {
	return v1alpha1.FailoverRecord{
		From: string(to.Peer()), To: string(to), Term: term, Cause: "Silence",
		Time: metav1.NewMicroTime(time.Unix(term, 0)), Steps: []v1alpha1.FailoverStep{{Name: "Detected", Microseconds: 1}},
	}
}

// TestImplausibleRecord checks that an implausible record leaves the history as it is, and a line in the log.
func TestImplausibleRecord(t *testing.T) {
	edit := func(edit func(*v1alpha1.FailoverRecord)) v1alpha1.FailoverRecord {
		r := record(v1alpha1.Primary, 4)
		edit(&r)
		return r
	}
	for name, r := range map[string]v1alpha1.FailoverRecord{
		"empty":                {},
		"of the peer":          record(v1alpha1.Secondary, 4),
		"of no unit":           edit(func(r *v1alpha1.FailoverRecord) { r.To = "tertiary" }),
		"without a term":       edit(func(r *v1alpha1.FailoverRecord) { r.Term = 0 }),
		"of a negative term":   edit(func(r *v1alpha1.FailoverRecord) { r.Term = -1 }),
		"of a term to come":    edit(func(r *v1alpha1.FailoverRecord) { r.Term = 5 }),
		"without a time":       edit(func(r *v1alpha1.FailoverRecord) { r.Time = metav1.MicroTime{} }),
		"of a negative step":   edit(func(r *v1alpha1.FailoverRecord) { r.Steps[0].Microseconds = -1 }),
		"of less than nothing": edit(func(r *v1alpha1.FailoverRecord) { r.ConnectionsHeld = new(int64(-1)) }),
	} {
		t.Run(name, func(t *testing.T) {
			var logged []string
			s := newScope(&v1alpha1.HAPair{}, funcr.New(func(_, line string) { logged = append(logged, line) }, funcr.Options{}))
			s.facts = pairOf(v1alpha1.Primary, good, good)
			s.facts.term = 4
			s.facts.units[v1alpha1.Primary].report.LastFailover = &r
			s.pair.Status.History = []v1alpha1.FailoverRecord{record(v1alpha1.Secondary, 3)}
			if got := statusOf(s, metav1.Now()).History; len(got) != 1 || got[0].Term != 3 {
				t.Errorf("the history is %+v", got)
			}
			if len(logged) != 1 || len(logged[0]) > 1024 {
				t.Errorf("logged was %.2000q", logged)
			}
		})
	}
}

func TestHistory(t *testing.T) {
	terms := func(all []v1alpha1.FailoverRecord) (terms []int64) {
		for _, r := range all {
			terms = append(terms, r.Term)
		}
		return terms
	}
	of := func(terms ...int64) (all []v1alpha1.FailoverRecord) {
		for _, term := range terms {
			all = append(all, record(v1alpha1.Primary, term))
		}
		return all
	}
	full := []int64{}
	for term := int64(v1alpha1.MaxHistory); term > 0; term-- {
		full = append(full, term)
	}
	for name, test := range map[string]struct {
		before    []int64
		term      int64
		leaseTerm int64
		want      []int64
	}{
		"first":                     {nil, 1, 1, []int64{1}},
		"next":                      {[]int64{1}, 2, 2, []int64{2, 1}},
		"known":                     {[]int64{2, 1}, 2, 2, []int64{2, 1}},
		"late":                      {[]int64{3, 1}, 2, 3, []int64{3, 2, 1}},
		"full":                      {full, 17, 17, append([]int64{17}, full[:15]...)},
		"too late for a full one":   {full[:15], 1, 16, full},
		"the first of a new Lease":  {[]int64{9, 8}, 1, 1, []int64{1, 9, 8}},
		"the second of a new Lease": {[]int64{1, 9, 8}, 2, 2, []int64{2, 1, 9, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			before := of(test.before...)
			got := terms(withRecord(before, record(v1alpha1.Primary, test.term), test.leaseTerm))
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if !slices.Equal(terms(before), test.before) {
				t.Errorf("the history before became %v", terms(before))
			}
		})
	}
}

// FuzzReport checks that no report of a unit stops the operator or makes the status unbounded.
func FuzzReport(f *testing.F) {
	f.Add(`{"role":"Active","term":1,"incarnation":"primary/primary/1","lastFailover":{"to":"primary","term":1}}`)
	f.Add(`{"health":[{"name":"","healthy":false}],"conditions":[{"type":"Synchronized","status":"Maybe"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		object := &v1alpha1.HAUnit{}
		if json.Unmarshal([]byte(text), &object.Status) != nil {
			return
		}
		object.Status.Incarnation = "primary/primary/0123abcd"
		s := settledScope()
		s.facts.term = 1
		own := s.facts.units[v1alpha1.Primary]
		own.report = reportOf(v1alpha1.Primary, own, object)
		s.facts.units[v1alpha1.Primary] = own
		checkBounds(t, statusOf(s, metav1.Now()))
	})
}

func checkBounds(t interface{ Errorf(string, ...any) }, status v1alpha1.HAPairStatus) {
	if len(status.History) > v1alpha1.MaxHistory {
		t.Errorf("the history has %d entries", len(status.History))
	}
	for _, c := range status.Conditions {
		if len(c.Message) > maxMessage {
			t.Errorf("the message of %s has %d bytes", c.Type, len(c.Message))
		}
	}
	for _, u := range status.Units {
		if len(u.Role) > maxValue || len(u.Fence) > maxValue || len(u.ConfigurationHash) > maxValue ||
			len(u.Fault) > maxQuoted {
			t.Errorf("unit %s is unbounded", u.Name)
		}
	}
}

// TestHistoryIsStable checks that the same reports change the history at most once.
func TestHistoryIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []v1alpha1.FailoverRecord
		leaseTerm := int64(0)
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			leaseTerm = max(1, leaseTerm+rapid.Int64Range(-20, 3).Draw(t, "step"))
			r := record(v1alpha1.Primary, rapid.Int64Range(1, leaseTerm).Draw(t, "term"))
			all = withRecord(all, r, leaseTerm)
			if again := withRecord(all, r, leaseTerm); len(again) != len(all) || len(all) > v1alpha1.MaxHistory {
				t.Fatalf("the history has %d entries, and then %d", len(all), len(again))
			}
		}
	})
}
