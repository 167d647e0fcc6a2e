package hapair

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// seen describes a unit in few words, so that a case reads as what is the matter with the pair.
type seen struct {
	absent, outdated, leaving, lost, ended, ready, inSync bool
}

var (
	good    = seen{ready: true, inSync: true}
	old     = seen{ready: true, inSync: true, outdated: true}
	absent  = seen{absent: true}
	broken  = seen{}
	evicted = seen{ended: true}
	lost    = seen{leaving: true, lost: true, outdated: true, ready: true}
)

func (u seen) facts(unit v1alpha1.Unit) unitFacts {
	if u.absent {
		return unitFacts{}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "edge-" + string(unit), UID: types.UID(unit),
		Annotations: map[string]string{v1alpha1.AnnotationTemplateHash: "new"},
	}}
	if u.outdated {
		pod.Annotations[v1alpha1.AnnotationTemplateHash] = "old"
	}
	if u.leaving {
		pod.DeletionTimestamp = &metav1.Time{}
	}
	if u.ended {
		pod.Status.Phase = corev1.PodFailed
	}
	for condition, is := range map[corev1.PodConditionType]bool{
		corev1.PodReady: u.ready, v1alpha1.PodConditionSynchronized: u.inSync,
	} {
		if is {
			pod.Status.Conditions = append(pod.Status.Conditions,
				corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue})
		}
	}
	return unitFacts{pod: pod, lost: u.lost}
}

func pairOf(active v1alpha1.Unit, primary, secondary seen) facts {
	f := facts{whole: true, units: map[v1alpha1.Unit]unitFacts{
		v1alpha1.Primary: primary.facts(v1alpha1.Primary), v1alpha1.Secondary: secondary.facts(v1alpha1.Secondary),
	}}
	if active != "" {
		f.holder = fmt.Sprintf("%s/%s/0123abcd", active, active)
	}
	return f
}

func wishing() wishes {
	return wishes{
		startable: true,
		hashes:    map[v1alpha1.Unit]string{v1alpha1.Primary: "new", v1alpha1.Secondary: "new"},
	}
}

func TestDecide(t *testing.T) {
	const nobody, primary, secondary = v1alpha1.Unit(""), v1alpha1.Primary, v1alpha1.Secondary
	lacking, unstartable := wishing(), wishing()
	lacking.lacking = true
	paused := wishing()
	paused.paused = true
	unstartable.startable, unstartable.lacking = false, true
	supervised := wishing()
	supervised.supervised = true
	oldBroken := seen{outdated: true}
	oldLeaving := seen{outdated: true, leaving: true, ready: true, inSync: true}
	notInSync := seen{ready: true}

	tests := map[string]struct {
		wishes             wishes
		active             v1alpha1.Unit
		primary, secondary seen
		wantPrimary        action
		wantSecondary      action
	}{
		"nothing is there":                     {wishing(), nobody, absent, absent, actionCreate, actionCreate},
		"nothing is there, and may not be":     {unstartable, nobody, absent, absent, actionHold, actionHold},
		"all is well":                          {wishing(), primary, good, good, actionKeep, actionKeep},
		"the standby is lost":                  {wishing(), primary, good, absent, actionKeep, actionCreate},
		"the standby is lost, something lacks": {lacking, primary, good, absent, actionKeep, actionCreate},
		"the active one was evicted":           {wishing(), primary, evicted, good, actionRemove, actionKeep},
		"both were evicted":                    {wishing(), nobody, evicted, evicted, actionRemove, actionRemove},
		"both are outdated":                    {wishing(), primary, old, old, actionWait, actionReplace},
		"both are outdated, secondary active":  {wishing(), secondary, old, old, actionReplace, actionWait},
		"both are outdated, something lacks":   {lacking, primary, old, old, actionHold, actionHold},
		"both are outdated and paused":         {paused, primary, old, old, actionHold, actionHold},
		"one is outdated and paused":           {paused, primary, good, old, actionKeep, actionHold},
		"an outdated broken one, paused":       {paused, primary, good, oldBroken, actionKeep, actionHold},
		"the standby is lost while paused":     {paused, primary, old, absent, actionHold, actionCreate},
		"the standby was evicted while paused": {paused, primary, good, evicted, actionKeep, actionRemove},
		"both are outdated, nobody active":     {wishing(), nobody, old, old, actionWait, actionWait},
		"both are outdated and never worked":   {wishing(), nobody, oldBroken, oldBroken, actionWait, actionReplace},
		"the outdated standby is leaving":      {wishing(), primary, old, oldLeaving, actionWait, actionWait},
		"the standby is being made":            {wishing(), primary, old, absent, actionWait, actionCreate},
		"the new standby is not ready":         {wishing(), primary, old, broken, actionWait, actionKeep},
		"the new standby is not in sync":       {wishing(), primary, old, notInSync, actionWait, actionKeep},
		"the new standby can take over":        {wishing(), primary, old, good, actionReplace, actionKeep},
		"a person moves the role":              {supervised, primary, old, good, actionAsk, actionKeep},
		"a person moves it, but not yet":       {supervised, primary, old, notInSync, actionWait, actionKeep},
		"a standby goes without being asked":   {supervised, primary, old, old, actionWait, actionReplace},
		"a person moved the role":              {supervised, secondary, old, good, actionReplace, actionKeep},
		"the standby's node is lost":           {wishing(), primary, good, lost, actionKeep, actionForget},
		"the active one's node is lost":        {paused, secondary, lost, old, actionForget, actionHold},
		"the active one hands over":            {wishing(), secondary, oldLeaving, good, actionWait, actionKeep},
		"the active one is not ready":          {wishing(), primary, broken, old, actionKeep, actionWait},
		"the standby is broken and outdated":   {wishing(), primary, good, oldBroken, actionKeep, actionReplace},
		"neither works, one holds the Lease":   {wishing(), primary, oldBroken, oldBroken, actionWait, actionReplace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			made := decide(pairOf(test.active, test.primary, test.secondary), test.wishes)
			if got := made[primary]; got.action != test.wantPrimary {
				t.Errorf("primary: got %d (%s), want %d", got.action, got.why, test.wantPrimary)
			}
			if got := made[secondary]; got.action != test.wantSecondary {
				t.Errorf("secondary: got %d (%s), want %d", got.action, got.why, test.wantSecondary)
			}
		})
	}
}

// Whatever is seen, the traffic is never put at risk by choice.
func TestDecideNeverHarms(t *testing.T) {
	drawUnit := func(t *rapid.T, label string) seen {
		flag := func(name string) bool { return rapid.Bool().Draw(t, label+" "+name) }
		return seen{
			absent: flag("absent"), outdated: flag("outdated"), leaving: flag("leaving"),
			ended: flag("ended"), ready: flag("ready"), inSync: flag("inSync"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		active := rapid.SampledFrom([]v1alpha1.Unit{"", v1alpha1.Primary, v1alpha1.Secondary}).Draw(t, "active")
		f := pairOf(active, drawUnit(t, "primary"), drawUnit(t, "secondary"))
		w := wishing()
		w.startable, w.lacking = rapid.Bool().Draw(t, "startable"), rapid.Bool().Draw(t, "lacking")
		w.paused, w.supervised = rapid.Bool().Draw(t, "paused"), rapid.Bool().Draw(t, "supervised")
		made := decide(f, w)

		replaced := 0
		for _, unit := range v1alpha1.Units() {
			own, peer := f.units[unit], f.units[unit.Peer()]
			if made[unit].action != actionReplace {
				continue
			}
			replaced++
			if w.lacking || !w.startable || w.paused {
				t.Errorf("unit %s is replaced while the spec lacks something or says no", unit)
			}
			if canTakeOver := peer.useful() && f.synchronized(); unit == f.active() && !canTakeOver {
				t.Errorf("the active unit %s is replaced though its peer cannot take over", unit)
			}
			if unit == f.active() && w.supervised {
				t.Errorf("the active unit %s is replaced though a person wants to", unit)
			}
			if own.useful() && !peer.useful() {
				t.Errorf("unit %s is replaced though it is the only one that is good for anything", unit)
			}
		}
		if replaced > 1 {
			t.Error("both units are replaced at once")
		}
	})
}
