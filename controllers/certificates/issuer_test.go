package certificates

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A steady pair causes no write, whatever others add. Every difference from what is wanted causes one.
func TestCovers(t *testing.T) {
	type object = map[string]any
	type list = []any
	wanted := object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site"}}
	for name, test := range map[string]struct {
		found any
		want  bool
	}{
		"the same": {object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site"}}, true},
		"fields are added": {object{
			"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site", "kind": "x"}, "y": "z",
		}, true},
		"a field is missing": {object{"names": list{"a", "b"}, "issuer": object{"name": "site"}}, false},
		"a value differs":    {object{"names": list{"a", "b"}, "size": int64(384), "issuer": object{"name": "site"}}, false},
		"an element is added": {object{
			"names": list{"a", "b", "c"}, "size": int64(256), "issuer": object{"name": "site"},
		}, false},
		"an element is missing": {object{"names": list{"a"}, "size": int64(256), "issuer": object{"name": "site"}}, false},
		"the order differs": {object{
			"names": list{"b", "a"}, "size": int64(256), "issuer": object{"name": "site"},
		}, false},
		"a nested value differs": {object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "x"}}, false},
		"a string for a list":    {object{"names": "a", "size": int64(256), "issuer": object{"name": "site"}}, false},
		"a string for a map":     {object{"names": list{"a", "b"}, "size": int64(256), "issuer": "site"}, false},
		"nothing":                {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := covers(test.found, wanted); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPendingReason(t *testing.T) {
	condition := func(kind, status, reason string, generation int64) any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": "the details",
			"lastTransitionTime": "2026-03-01T12:00:00Z", "observedGeneration": generation,
		}
	}
	for name, test := range map[string]struct {
		status any
		want   string // empty when it is issued
	}{
		"issued":                       {[]any{condition("Ready", "True", "Ready", 2)}, ""},
		"issued, without a generation": {[]any{condition("Ready", "True", "Ready", 0)}, ""},
		"being renewed": {[]any{
			condition("Issuing", "True", "Renewing", 2), condition("Ready", "True", "Ready", 2),
		}, ""},
		"issued before its change": {[]any{condition("Ready", "True", "Ready", 1)}, "nothing about its latest change yet"},
		"not issued":               {[]any{condition("Ready", "False", "DoesNotExist", 2)}, "says DoesNotExist: the details"},
		"being issued": {[]any{
			condition("Ready", "False", "DoesNotExist", 2), condition("Issuing", "True", "x", 2),
		}, "says DoesNotExist: the details"},
		"failed": {[]any{
			condition("Ready", "False", "DoesNotExist", 2), condition("Issuing", "False", "Failed", 2),
		}, "says Failed: the details"},
		"no status":                 {nil, "says nothing about it yet"},
		"a status of another shape": {"x", "says nothing about it yet"},
		"conditions of other kinds": {[]any{condition("Good", "True", "x", 2)}, "says nothing about it yet"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate := &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{"namespace": "site-a", "name": "edge-primary", "generation": int64(2)},
				"status":   map[string]any{"conditions": test.status},
			}}
			got := pendingReason(certificate)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got != "" && !strings.Contains(got, "Certificate site-a/edge-primary is not ready") {
				t.Errorf("%q does not name the Certificate", got)
			}
		})
	}
}
