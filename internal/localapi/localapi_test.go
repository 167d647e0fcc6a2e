package localapi_test

import (
	"errors"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]localapi.ProblemType{
		"lease/10.0.0.1": "", "héllo wörld": "", "...": "", strings.Repeat("k", 256): "",
		"": localapi.Invalid, ".": localapi.Invalid, "..": localapi.Invalid, "a\nb": localapi.Invalid,
		"\xff": localapi.Invalid, "a\x7f": localapi.Invalid, strings.Repeat("k", 257): localapi.TooLarge,
	} {
		var got localapi.ProblemType
		if problem := localapi.CheckKey(key); problem != nil {
			if got = problem.Type; problem.Field != "key" {
				t.Errorf("%q: the field is %q", key, problem.Field)
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}

func TestCompactValue(t *testing.T) {
	for value, want := range map[string]string{
		"{ \"a\": 1,\n \"b\" : [ ] }":            `{"a":1,"b":[]}`,
		`"text"`:                                 `"text"`,
		`{"z":1,"a":2,"z":3,"n":1.0e+2}`:         `{"z":1,"a":2,"z":3,"n":1.0e+2}`,
		"":                                       "invalid: value",
		"{} {}":                                  "invalid: value",
		"\"\n\"":                                 "invalid: value",
		`"` + strings.Repeat("v", 8<<10-1) + `"`: "too large: value",
		strings.Repeat(" ", 9<<10) + "1":         "1",
		`"` + strings.Repeat("v", 8<<10-2) + `"`: `"` + strings.Repeat("v", 8<<10-2) + `"`,
		`"` + strings.Repeat("v", 8<<10-2) + "\" ":      `"` + strings.Repeat("v", 8<<10-2) + `"`,
		strings.Repeat("[", 9000) + "1":                 "invalid: value",
		strings.Repeat("[", 5) + strings.Repeat("]", 5): "[[[[[]]]]]",
	} {
		got, problem := localapi.CompactValue([]byte(value))
		if problem != nil {
			if got = []byte(problem.Error()); len(got) > len(want) {
				got = got[:len(want)]
			}
		}
		if string(got) != want {
			t.Errorf("%.20q: got %.40q, want %.40q", value, got, want)
		}
	}
}

func TestLife(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{
		0: 0, 0.0000001: time.Millisecond, 0.25: 250 * time.Millisecond, 3600: time.Hour, 4294967.295: 1<<32*1e6 - 1e6,
		-1: -1, 4294968: -1, math.Inf(1): -1,
	} {
		got, problem := localapi.Life(seconds)
		if problem != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%v seconds: got %s (%v), want %s", seconds, got, problem, want)
		}
	}
	if _, problem := localapi.Life(math.NaN()); problem == nil {
		t.Error("NaN was accepted")
	}
	if got := localapi.FormatSeconds(1500 * time.Millisecond); got != "1.5" {
		t.Errorf("1.5 seconds are %q", got)
	}
}

func TestIsOwnClass(t *testing.T) {
	for name, want := range map[string]bool{
		"kea-leases": true, "a": true, strings.Repeat("a", 63): true, "v2": true,
		"Multicast": false, "": false, "a/b": false, "-a": false, "a-": false, strings.Repeat("a", 64): false, "2a": false,
	} {
		if got := localapi.IsOwnClass(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func TestProblemTypes(t *testing.T) {
	last := 0
	for _, problemType := range localapi.ProblemTypes() {
		status := problemType.Status()
		if status == http.StatusInternalServerError || status < last || problemType.Title() == "" {
			t.Errorf("%s has the status %d and the title %q", problemType, status, problemType.Title())
		}
		last = status
	}
	var err error = localapi.NewProblem(localapi.Full, "%d entries", 3).In("key").In("[2].")
	var problem *localapi.Problem
	if !errors.As(err, &problem) || problem.Status != 507 || problem.Field != "[2].key" ||
		err.Error() != "full: [2].key: 3 entries" {
		t.Errorf("got %+v, %v", problem, err)
	}
}

func TestOperationsAreConsistent(t *testing.T) {
	ids, routes := map[string]bool{}, map[string]bool{}
	variables := regexp.MustCompile(`\{(\w+)\}`)
	for _, o := range localapi.Operations() {
		route := o.Method + " " + variables.ReplaceAllString(o.Path, "{}")
		if ids[o.ID] || routes[route] || o.Summary == "" || !strings.HasPrefix(o.Path, "/v1") {
			t.Errorf("%s: the operation is incomplete, or its ID or route is used twice", o.ID)
		}
		ids[o.ID], routes[route] = true, true
		isEmpty := o.Status == http.StatusNoContent
		if isEmpty != (o.Response.Type == nil) || o.Request.Type != nil && o.Request.MaxBytes == 0 {
			t.Errorf("%s: the bodies are incomplete", o.ID)
		}
		if strings.Contains(o.Path, "{class}") != slices.Contains(o.Problems, localapi.UnknownClass) {
			t.Errorf("%s: only operations of classes have %s", o.ID, localapi.UnknownClass)
		}
		for _, p := range o.Query {
			if p.Name == "" || p.Summary == "" || p.Type == "" {
				t.Errorf("%s: incomplete parameter %+v", o.ID, p)
			}
		}
	}
}
