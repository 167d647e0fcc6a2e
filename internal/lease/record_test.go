package lease

import (
	"math"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// Every record that a unit can write is read back as it was.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]ha.Incarnation{ha.Nobody, "primary/uid-1/0a0a0a0a", "secondary/uid-2/0b0b0b0b"})
		want := ha.Record{
			Version: "7", Holder: name.Draw(t, "holder"), Giver: name.Draw(t, "giver"),
			Term:     rapid.Uint64Max(1<<31-1).Draw(t, "term"),
			Duration: time.Duration(rapid.IntRange(2, 60).Draw(t, "seconds")) * time.Second,
			Standby:  name.Draw(t, "standby"),
			Cause:    rapid.SampledFrom(contract.Causes()).Draw(t, "cause"),
			Paused:   rapid.Bool().Draw(t, "paused"),

			SwitchoverTo: rapid.SampledFrom([]string{"", "primary", "secondary"}).Draw(t, "switchover to"),
		}
		base := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
			Name: "edge", ResourceVersion: "7", Labels: map[string]string{"hapair.io/pair": "edge"},
			Annotations: map[string]string{AnnotationGiver: string(name.Draw(t, "old giver")), "other": "kept"},
		}}
		annotate(base, AnnotationStandby, string(name.Draw(t, "old standby")))
		if want.Paused { // The operator put it there; no unit does. The same holds for the next one.
			annotate(base, v1alpha1.AnnotationPaused, "true")
		}
		annotate(base, v1alpha1.AnnotationSwitchoverTo, want.SwitchoverTo)
		l, err := fromRecord(want, base, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got := toRecord(l); got != want {
			t.Fatalf("%+v instead of %+v", got, want)
		}
		if l.Labels["hapair.io/pair"] != "edge" || l.Annotations["other"] != "kept" {
			t.Fatalf("lost what others put there: %+v", l.ObjectMeta)
		}
	})
}

// Values that no unit writes do no harm.
func TestRecordOfOddLeases(t *testing.T) {
	minus, plenty := int32(-5), int32(1<<30)
	for name, test := range map[string]struct {
		spec coordinationv1.LeaseSpec
		want ha.Record
	}{
		"new": {coordinationv1.LeaseSpec{}, ha.Record{}},
		"negative": {
			coordinationv1.LeaseSpec{LeaseTransitions: &minus, LeaseDurationSeconds: &minus},
			ha.Record{Term: math.MaxUint64 - 4},
		},
		"without end":  {coordinationv1.LeaseSpec{LeaseDurationSeconds: &plenty}, ha.Record{Duration: longest}},
		"great number": {coordinationv1.LeaseSpec{LeaseTransitions: &plenty}, ha.Record{Term: 1 << 30}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := toRecord(&coordinationv1.Lease{Spec: test.spec}); got != test.want {
				t.Errorf("%+v instead of %+v", got, test.want)
			}
		})
	}
	if _, err := fromRecord(ha.Record{Term: 1 << 31}, &coordinationv1.Lease{}, time.Unix(1, 0)); err == nil {
		t.Error("a term that does not fit was written")
	}
}

// Acquire time moves with the holder, and renew time with every write.
func TestTimesForPeople(t *testing.T) {
	first, err := fromRecord(ha.Record{Holder: "a", Term: 1}, &coordinationv1.Lease{}, time.Unix(10, 0))
	if err != nil {
		t.Fatal(err)
	}
	second, err := fromRecord(ha.Record{Holder: "a", Term: 1}, first, time.Unix(20, 0))
	if err != nil {
		t.Fatal(err)
	}
	if second.Spec.AcquireTime.Unix() != 10 || second.Spec.RenewTime.Unix() != 20 {
		t.Errorf("acquired %s, renewed %s", second.Spec.AcquireTime, second.Spec.RenewTime)
	}
}
