package sidecar

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/hapair-io/hapair/internal/contract"
)

// The unit replaces its own status as a whole, and reads back what it wrote.
func TestUnitClient(t *testing.T) {
	const path = "/apis/hapair.io/v1alpha1/namespaces/shop/haunits/edge-primary/status"
	var stored json.RawMessage
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet && r.URL.Path == path:
			_ = json.NewEncoder(w).Encode(map[string]any{"kind": "HAUnit", "status": stored})
		case r.Method == http.MethodPatch && r.URL.Path == path:
			if got := r.Header.Get("Content-Type"); got != "application/apply-patch+yaml" {
				t.Errorf("the patch is of type %s", got)
			}
			if got := r.URL.Query(); got.Get("fieldManager") != unitFieldManager || got.Get("force") != "true" {
				t.Errorf("the parameters are %v", got)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			var unit struct {
				APIVersion, Kind string
				Metadata         struct{ Name, Namespace string }
				Status           json.RawMessage
			}
			if err := json.Unmarshal(body, &unit); err != nil {
				t.Error(err)
			}
			if unit.APIVersion != "hapair.io/v1alpha1" || unit.Kind != "HAUnit" || unit.Metadata.Name != "edge-primary" {
				t.Errorf("the object is %+v", unit)
			}
			stored = unit.Status
			_, _ = w.Write(body)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	unit := NewUnitClient(client, "shop", "edge-primary")
	if got, err := unit.Read(t.Context()); err != nil || !reflect.DeepEqual(got, contract.UnitStatus{}) {
		t.Errorf("read %+v (%v) before anything was written", got, err)
	}
	want := contract.UnitStatus{Role: "Active", Term: 7, Incarnation: "primary/uid/1"}
	if err := unit.Write(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, err := unit.Read(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v (%v)", got, err)
	}
	stored = json.RawMessage(`{"term":"many"}`)
	if got, err := unit.Read(t.Context()); err != nil || !reflect.DeepEqual(got, contract.UnitStatus{}) {
		t.Errorf("read %+v (%v) from a status that cannot be read", got, err)
	}
	if err := NewUnitClient(client, "shop", "other").Write(t.Context(), want); err == nil {
		t.Error("a write to an object that does not exist succeeded")
	}
}
