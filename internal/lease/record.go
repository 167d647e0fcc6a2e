package lease

import (
	"fmt"
	"math"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

const (
	// AnnotationStandby names the incarnation that may take the Lease as soon as the holder is silent.
	AnnotationStandby = "hapair.io/lease-standby"
	// AnnotationCause is why the holder became active.
	AnnotationCause = "hapair.io/lease-cause"
)

// AnnotationGiver names the incarnation that gave the Lease up by this write: it handed the Lease over, or released it
// with its gate closed. Any other write clears it, so that a Lease that a person emptied is never taken for a release.
const AnnotationGiver = "hapair.io/lease-giver"

// longest bounds how long a record may make others wait, since anyone with the right to write may have written it.
const longest = time.Minute

// toRecord returns what the machine needs of a Lease. A Lease that no unit has written has an empty spec, and is free
// in term 0.
func toRecord(l *coordinationv1.Lease) ha.Record {
	r := ha.Record{
		Version: l.ResourceVersion,
		Giver:   ha.Incarnation(l.Annotations[AnnotationGiver]),
		Standby: ha.Incarnation(l.Annotations[AnnotationStandby]),
		Cause:   contract.ParseCause(l.Annotations[AnnotationCause]),
		Paused:  l.Annotations[v1alpha1.AnnotationPaused] == "true",

		SwitchoverTo: l.Annotations[v1alpha1.AnnotationSwitchoverTo],
	}
	if l.Spec.HolderIdentity != nil {
		r.Holder = ha.Incarnation(*l.Spec.HolderIdentity)
	}
	if l.Spec.LeaseTransitions != nil {
		r.Term = uint64(*l.Spec.LeaseTransitions) // A negative number becomes one that the machine refuses.
	}
	if l.Spec.LeaseDurationSeconds != nil {
		r.Duration = min(max(time.Duration(*l.Spec.LeaseDurationSeconds)*time.Second, 0), longest)
	}
	return r
}

// fromRecord returns the Lease that the record describes. It keeps everything else of base, the version that is to be
// replaced.
func fromRecord(r ha.Record, base *coordinationv1.Lease, now time.Time) (*coordinationv1.Lease, error) {
	if r.Term > math.MaxInt32 {
		return nil, fmt.Errorf("making lease %s/%s: term %d does not fit leaseTransitions", base.Namespace, base.Name, r.Term)
	}
	l := base.DeepCopy()
	stamp := metav1.NewMicroTime(now)
	if old := toRecord(base); old.Holder != r.Holder || old.Term != r.Term {
		l.Spec.AcquireTime = &stamp
	}
	l.Spec.RenewTime = &stamp
	holder, term, seconds := string(r.Holder), int32(r.Term), int32(r.Duration/time.Second)
	l.Spec.HolderIdentity, l.Spec.LeaseTransitions, l.Spec.LeaseDurationSeconds = &holder, &term, &seconds
	annotate(l, AnnotationGiver, string(r.Giver))
	annotate(l, AnnotationStandby, string(r.Standby))
	annotate(l, AnnotationCause, string(r.Cause))
	return l, nil
}

// annotate sets an annotation, or removes it if the value is empty.
func annotate(l *coordinationv1.Lease, name, value string) {
	if value == "" {
		delete(l.Annotations, name)
		return
	}
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	l.Annotations[name] = value
}
