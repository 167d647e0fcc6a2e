package hapair

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A steady pair costs no write, whatever others add; and whatever is not as it should be costs one.
func TestCovers(t *testing.T) {
	type object = map[string]any
	type list = []any
	wanted := object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site"}}
	for name, test := range map[string]struct {
		found any
		want  bool
	}{
		"the same": {object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site"}}, true},
		"more": {object{
			"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "site", "kind": "x"}, "y": "z",
		}, true},
		"a field less":  {object{"names": list{"a", "b"}, "issuer": object{"name": "site"}}, false},
		"another value": {object{"names": list{"a", "b"}, "size": int64(384), "issuer": object{"name": "site"}}, false},
		"an element more": {object{
			"names": list{"a", "b", "c"}, "size": int64(256), "issuer": object{"name": "site"},
		}, false},
		"an element less":   {object{"names": list{"a"}, "size": int64(256), "issuer": object{"name": "site"}}, false},
		"another order":     {object{"names": list{"b", "a"}, "size": int64(256), "issuer": object{"name": "site"}}, false},
		"another in depth":  {object{"names": list{"a", "b"}, "size": int64(256), "issuer": object{"name": "x"}}, false},
		"a text for a list": {object{"names": "a", "size": int64(256), "issuer": object{"name": "site"}}, false},
		"a text for a map":  {object{"names": list{"a", "b"}, "size": int64(256), "issuer": "site"}, false},
		"nothing":           {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := covers(test.found, wanted); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestUnissued(t *testing.T) {
	condition := func(kind, status, reason string, generation int64) any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": "its words",
			"lastTransitionTime": "2026-03-01T12:00:00Z", "observedGeneration": generation,
		}
	}
	for name, test := range map[string]struct {
		status any
		want   string // empty when it is issued
	}{
		"issued":                   {[]any{condition("Ready", "True", "Ready", 2)}, ""},
		"issued by an old release": {[]any{condition("Ready", "True", "Ready", 0)}, ""},
		"renewed while it is good": {[]any{
			condition("Issuing", "True", "Renewing", 2), condition("Ready", "True", "Ready", 2),
		}, ""},
		"issued before its change": {[]any{condition("Ready", "True", "Ready", 1)}, "nothing about its latest change yet"},
		"not issued":               {[]any{condition("Ready", "False", "DoesNotExist", 2)}, "says DoesNotExist: its words"},
		"being issued": {[]any{
			condition("Ready", "False", "DoesNotExist", 2), condition("Issuing", "True", "x", 2),
		}, "says DoesNotExist: its words"},
		"failed": {[]any{
			condition("Ready", "False", "DoesNotExist", 2), condition("Issuing", "False", "Failed", 2),
		}, "says Failed: its words"},
		"nobody looked":             {nil, "says nothing about it yet"},
		"what nobody can make of":   {"x", "says nothing about it yet"},
		"conditions of other kinds": {[]any{condition("Good", "True", "x", 2)}, "says nothing about it yet"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate := &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{"namespace": "site-a", "name": "edge-primary", "generation": int64(2)},
				"status":   map[string]any{"conditions": test.status},
			}}
			got := unissued(certificate)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got != "" && !strings.Contains(got, "Certificate site-a/edge-primary is not ready") {
				t.Errorf("%q does not say which", got)
			}
		})
	}
}
