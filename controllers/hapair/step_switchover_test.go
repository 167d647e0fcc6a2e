package hapair

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

func TestRequestedSwitchover(t *testing.T) {
	const at, later = "2030-01-31T12:00:00Z", "2030-01-31T13:00:00+01:00"
	const nobody, primary, secondary = v1alpha1.Unit(""), v1alpha1.Primary, v1alpha1.Secondary
	for name, test := range map[string]struct {
		requested, to, handled string
		active, onLease        v1alpha1.Unit
		want                   v1alpha1.Unit
		wantPending, refused   bool
	}{
		"no request":                        {"", "", "", primary, nobody, nobody, false, false},
		"a unit without a request":          {"", "secondary", "", primary, nobody, nobody, false, false},
		"to the standby":                    {at, "", "", primary, nobody, secondary, true, false},
		"to the standby, which is known":    {at, "", "", secondary, secondary, secondary, true, false},
		"to a unit":                         {at, "secondary", "", primary, nobody, secondary, true, false},
		"to a unit, and not to the earlier": {at, "primary", "", secondary, secondary, primary, true, false},
		"to the active unit":                {at, "primary", "", primary, nobody, primary, true, false},
		"while no unit is active":           {at, "", "", nobody, nobody, nobody, true, false},
		"handled":                           {at, "", at, secondary, nobody, primary, false, false},
		"after a handled one":               {later, "", at, secondary, nobody, primary, true, false},
		"nonsense on the Lease":             {at, "", "", primary, "third", secondary, true, false},
		"not a time":                        {"now", "", "", primary, nobody, nobody, true, true},
		"not a time, handled":               {"now", "", "now", primary, nobody, nobody, false, true},
		"not a unit":                        {at, "third", "", primary, nobody, nobody, true, true},
		"very long":                         {strings.Repeat("9", 4096), "", "", primary, nobody, nobody, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := settledScope()
			s.facts = pairOf(test.active, good, good)
			s.facts.switchoverTo = test.onLease
			s.pair.Status.LastHandledSwitchoverRequest = test.handled
			s.pair.Annotations = map[string]string{}
			if test.requested != "" {
				s.pair.Annotations[v1alpha1.AnnotationSwitchoverRequestedAt] = test.requested
			}
			if test.to != "" {
				s.pair.Annotations[v1alpha1.AnnotationSwitchoverTo] = test.to
			}
			got := requestedSwitchover(s.pair, s.facts)
			if got.to != test.want || got.pending != test.wantPending || (got.refused != "") != test.refused {
				t.Errorf("got %+v", got)
			}
			onLease := got.leaseAnnotations()[v1alpha1.AnnotationSwitchoverTo]
			if carried := onLease != ""; carried != (test.wantPending && !test.refused && test.want != "") {
				t.Errorf("the Lease carries %q", onLease)
			}
			s.switchover = got
			checkBounds(t, statusOf(s, metav1.Now()))
		})
	}
}

// TestSwitchoverIsHandled checks when the status has a request as handled.
func TestSwitchoverIsHandled(t *testing.T) {
	const at = "2030-01-31T12:00:00Z"
	const primary, secondary = v1alpha1.Primary, v1alpha1.Secondary
	for name, test := range map[string]struct {
		switchover switchover
		active     v1alpha1.Unit
		want       string
		reason     string
	}{
		"none": {switchover{}, primary, "before", v1alpha1.ReasonSettled},
		"pending": {
			switchover{request: at, pending: true, to: secondary}, primary, "before", v1alpha1.ReasonSwitchoverPending,
		},
		"no unit is known": {
			switchover{request: at, pending: true}, primary, "before", v1alpha1.ReasonSwitchoverPending,
		},
		"done": {
			switchover{request: at, pending: true, to: secondary}, secondary, at, v1alpha1.ReasonSettled,
		},
		"refused": {
			switchover{request: at, pending: true, refused: "why"}, primary, at, v1alpha1.ReasonSettled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := settledScope()
			s.facts.holder = string(test.active) + "/" + string(test.active) + "/0123abcd"
			s.pair.Status.LastHandledSwitchoverRequest = "before"
			s.switchover = test.switchover
			if got := statusOf(s, metav1.Now()).LastHandledSwitchoverRequest; got != test.want {
				t.Errorf("handled is %q, want %q", got, test.want)
			}
			p := progressOf(s)
			if p.reason != test.reason || strings.Contains(p.message, "why") != (test.switchover.refused != "") {
				t.Errorf("progress is %+v", p)
			}
		})
	}
}
