//go:build apiserver

package sidecar

import (
	"reflect"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// What the units read and write is tried with a real API server.
func TestWithAPIServer(t *testing.T) {
	environment := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd"}, ErrorIfCRDPathMissing: true}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(environment.Scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(config, client.Options{Scheme: environment.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("HAUnit", func(t *testing.T) { tryUnitClient(t, config, admin) })
	for name, garble := range garbledLeases {
		t.Run("Lease "+name, func(t *testing.T) { tryGarbledLease(t, newLeased(t, config, admin, name), garble) })
	}
}

// tryUnitClient checks that the API server accepts what the unit writes, and returns it.
func tryUnitClient(t *testing.T, config *rest.Config, admin client.Client) {
	object := &v1alpha1.HAUnit{Spec: v1alpha1.HAUnitSpec{Pair: "edge", Unit: v1alpha1.Primary}}
	object.Namespace, object.Name = "default", "edge-primary"
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	unit := NewUnitClient(typed, "default", "edge-primary")
	if got, err := unit.Read(t.Context()); err != nil || !reflect.DeepEqual(got, contract.UnitStatus{}) {
		t.Fatalf("read %+v (%v) before anything was written", got, err)
	}
	since := contract.Time{Time: time.Unix(100, 0).UTC()}
	full := contract.UnitStatus{
		Role: "Active", Term: 7, Incarnation: "primary/uid/1", Fence: contract.FenceBPF,
		Health:  []contract.UnitHealth{{Name: contract.CheckFirewall, Healthy: true}},
		Classes: []contract.UnitClass{{Name: "ConnectionCache", State: contract.ClassInSync, Since: since}},
		Conditions: []contract.Condition{
			{Type: v1alpha1.ConditionFenceArmed, Status: "True", Reason: v1alpha1.ReasonBPF, LastTransitionTime: since},
		},
	}
	for _, want := range []contract.UnitStatus{full, {Role: "Standby", Term: 8}} {
		if err := unit.Write(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := unit.Read(t.Context())
		if err != nil || got.Role != want.Role || got.Term != want.Term || len(got.Conditions) != len(want.Conditions) ||
			!reflect.DeepEqual(got.Health, want.Health) || len(got.Classes) != len(want.Classes) {
			t.Errorf("read %+v (%v) instead of %+v", got, err, want)
		}
	}
}
