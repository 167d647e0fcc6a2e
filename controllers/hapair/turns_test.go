package hapair

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// TestTurnsOfPairs checks which pair may be updated while others wait, are updated, or do not come back.
func TestTurnsOfPairs(t *testing.T) {
	base := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) *metav1.Time {
		return new(metav1.NewTime(base.Add(time.Duration(seconds) * time.Second)))
	}
	pair := func(name string, upgrade v1alpha1.UpgradeStatus, edits ...func(*v1alpha1.HAPair)) v1alpha1.HAPair {
		p := v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
		p.Status.Upgrade = &upgrade
		for _, edit := range edits {
			edit(&p)
		}
		return p
	}
	stalledPair := func(p *v1alpha1.HAPair) {
		p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue}}
	}
	immediate := func(p *v1alpha1.HAPair) { p.Spec.Upgrade.Pacing = v1alpha1.PacingImmediate }
	paused := func(p *v1alpha1.HAPair) { p.Spec.Paused = true }
	started := v1alpha1.UpgradeStatus{StartedAt: at(0)}
	for name, test := range map[string]struct {
		others  []v1alpha1.HAPair
		granted []string
		limit   int
		why     string
		until   time.Time
	}{
		"alone": {limit: 1},
		"another is updated": {
			others: []v1alpha1.HAPair{pair("a", started)}, limit: 1, why: "pair ns/a is being updated",
		},
		"another was granted a turn": {
			others: []v1alpha1.HAPair{pair("a", v1alpha1.UpgradeStatus{})}, granted: []string{"a"}, limit: 1, why: "ns/a",
		},
		"two at a time": {others: []v1alpha1.HAPair{pair("a", started)}, limit: 2},
		"one does not come back": {
			others: []v1alpha1.HAPair{pair("a", started, stalledPair)}, limit: 2, why: "pair ns/a does not come back",
		},
		"a person overrides": {others: []v1alpha1.HAPair{pair("a", started, stalledPair, immediate)}, limit: 1},
		"one came before it": {
			others: []v1alpha1.HAPair{pair("z", v1alpha1.UpgradeStatus{WaitingSince: at(9)})}, limit: 1, why: "other pairs",
		},
		"one came after it": {
			others: []v1alpha1.HAPair{pair("a", v1alpha1.UpgradeStatus{WaitingSince: at(11)})}, limit: 1,
		},
		"the name decides": {
			others: []v1alpha1.HAPair{pair("a", v1alpha1.UpgradeStatus{WaitingSince: at(10)})}, limit: 1, why: "other pairs",
		},
		"one before is paused": {
			others: []v1alpha1.HAPair{pair("z", v1alpha1.UpgradeStatus{WaitingSince: at(9)}, paused)}, limit: 1,
		},
		"one before needs a person": {
			others: []v1alpha1.HAPair{pair("z", v1alpha1.UpgradeStatus{WaitingSince: at(9)}, stalledPair)}, limit: 1,
		},
		"after the delay": {
			others: []v1alpha1.HAPair{pair("a", v1alpha1.UpgradeStatus{FinishedAt: at(5)})}, limit: 1, until: at(15).Time,
		},
	} {
		t.Run(name, func(t *testing.T) {
			granted := map[types.NamespacedName]bool{}
			for _, name := range test.granted {
				granted[types.NamespacedName{Namespace: "ns", Name: name}] = true
			}
			own := types.NamespacedName{Namespace: "ns", Name: "m"}
			all := slices.Concat(test.others, []v1alpha1.HAPair{pair("m", v1alpha1.UpgradeStatus{FinishedAt: at(9)})})
			got := findTurn(all, granted, own, at(10).Time, Pacing{MaxPairs: test.limit, Delay: 10 * time.Second})
			if (got.why == "") != (test.why == "") || !strings.Contains(got.why, test.why) || !got.until.Equal(test.until) {
				t.Errorf("got %+v, want %q until %s", got, test.why, test.until)
			}
		})
	}
}
