package sidecar

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// Only what changed is written, with an empty message where there is none: in a patch, what is left out stays.
func TestPublishWritesWhatChanged(t *testing.T) {
	client := fake.NewClientset()
	var patches []map[string]map[string]any
	client.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		patch := action.(clienttesting.PatchAction)
		if patch.GetName() != "edge-primary" || patch.GetSubresource() != "status" {
			t.Errorf("patched %s of %s", patch.GetSubresource(), patch.GetName())
		}
		var body struct {
			Status struct{ Conditions []map[string]any }
		}
		if err := json.Unmarshal(patch.GetPatch(), &body); err != nil {
			t.Error(err)
		}
		written := map[string]map[string]any{}
		for _, c := range body.Status.Conditions {
			written[c["type"].(string)] = c
		}
		patches = append(patches, written)
		return true, &corev1.Pod{}, nil
	})
	pods := NewPodClient(client, "shop", "edge-primary", "edge-secondary")
	now := time.Unix(100, 0)
	pods.now = func() time.Time { return now }
	publish := func(c Conditions) {
		t.Helper()
		if err := pods.Publish(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}

	first := Conditions{Role: Condition{Reason: "Starting", Message: "the Lease was not seen yet"}}
	publish(first)
	publish(first)
	if len(patches) != 1 || len(patches[0]) != reflect.TypeFor[Conditions]().NumField() {
		t.Fatalf("patches %v", patches)
	}
	now = time.Unix(200, 0)
	second := first
	second.Role = Condition{Reason: "Standby"}
	publish(second)
	if len(patches) != 2 || len(patches[1]) != 1 {
		t.Fatalf("patches %v", patches[1:])
	}
	role := patches[1]["hapair.io/Active"]
	if message, said := role["message"]; !said || message != "" {
		t.Errorf("an empty message is not said: %v", role)
	}
	if role["lastTransitionTime"] != "1970-01-01T00:01:40Z" {
		t.Errorf("the reason alone changed, and the time with it: %v", role)
	}
}

func TestAddressOf(t *testing.T) {
	for ip, want := range map[string]netip.Addr{
		"":          {},
		"10.0.0.7":  netip.MustParseAddr("10.0.0.7"),
		"fd00::7":   netip.MustParseAddr("fd00::7"),
		"elsewhere": {},
	} {
		if got := addressOf(&corev1.Pod{Status: corev1.PodStatus{PodIP: ip}}); got != want {
			t.Errorf("%q: %s", ip, got)
		}
	}
	if addressOf("no pod").IsValid() {
		t.Error("something else has an address")
	}
}
