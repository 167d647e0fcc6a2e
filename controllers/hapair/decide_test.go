package hapair

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
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
	if u.ready {
		pod.Status.Conditions = append(pod.Status.Conditions,
			corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
	}
	report := &v1alpha1.HAUnitStatus{}
	inSync := conditionFalse(v1alpha1.ConditionSynchronized, v1alpha1.ReasonSynchronizing, "")
	if u.inSync {
		inSync = conditionTrue(v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync, "")
	}
	meta.SetStatusCondition(&report.Conditions, inSync)
	return unitFacts{pod: pod, report: report, lost: u.lost}
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

func intended() intent {
	return intent{
		startable: true,
		hashes:    map[v1alpha1.Unit]string{v1alpha1.Primary: "new", v1alpha1.Secondary: "new"},
	}
}

func TestDecide(t *testing.T) {
	const nobody, primary, secondary = v1alpha1.Unit(""), v1alpha1.Primary, v1alpha1.Secondary
	blocked, unstartable := intended(), intended()
	blocked.blocked = true
	paused := intended()
	paused.paused = true
	unstartable.startable, unstartable.blocked = false, true
	supervised := intended()
	supervised.supervised = true
	oldBroken := seen{outdated: true}
	oldLeaving := seen{outdated: true, leaving: true, ready: true, inSync: true}
	notInSync := seen{ready: true}

	tests := map[string]struct {
		intent             intent
		active             v1alpha1.Unit
		primary, secondary seen
		wantPrimary        action
		wantSecondary      action
	}{
		"nothing is there":                     {intended(), nobody, absent, absent, actionCreate, actionCreate},
		"nothing is there, and may not be":     {unstartable, nobody, absent, absent, actionHold, actionHold},
		"all is well":                          {intended(), primary, good, good, actionKeep, actionKeep},
		"the standby is lost":                  {intended(), primary, good, absent, actionKeep, actionCreate},
		"the standby is lost, something lacks": {blocked, primary, good, absent, actionKeep, actionCreate},
		"the active one was evicted":           {intended(), primary, evicted, good, actionRemove, actionKeep},
		"both were evicted":                    {intended(), nobody, evicted, evicted, actionRemove, actionRemove},
		"both are outdated":                    {intended(), primary, old, old, actionWait, actionReplace},
		"both are outdated, secondary active":  {intended(), secondary, old, old, actionReplace, actionWait},
		"both are outdated, something lacks":   {blocked, primary, old, old, actionHold, actionHold},
		"both are outdated and paused":         {paused, primary, old, old, actionHold, actionHold},
		"one is outdated and paused":           {paused, primary, good, old, actionKeep, actionHold},
		"an outdated broken one, paused":       {paused, primary, good, oldBroken, actionKeep, actionHold},
		"the standby is lost while paused":     {paused, primary, old, absent, actionHold, actionCreate},
		"the standby was evicted while paused": {paused, primary, good, evicted, actionKeep, actionRemove},
		"both are outdated, nobody active":     {intended(), nobody, old, old, actionWait, actionWait},
		"both are outdated and never worked":   {intended(), nobody, oldBroken, oldBroken, actionWait, actionReplace},
		"the outdated standby is leaving":      {intended(), primary, old, oldLeaving, actionWait, actionWait},
		"the standby is being made":            {intended(), primary, old, absent, actionWait, actionCreate},
		"the new standby is not ready":         {intended(), primary, old, broken, actionWait, actionKeep},
		"the new standby is not in sync":       {intended(), primary, old, notInSync, actionWait, actionKeep},
		"the new standby can take over":        {intended(), primary, old, good, actionReplace, actionKeep},
		"a person moves the role":              {supervised, primary, old, good, actionAwaitSwitchover, actionKeep},
		"a person moves it, but not yet":       {supervised, primary, old, notInSync, actionWait, actionKeep},
		"a standby goes without being asked":   {supervised, primary, old, old, actionWait, actionReplace},
		"a person moved the role":              {supervised, secondary, old, good, actionReplace, actionKeep},
		"the standby's node is lost":           {intended(), primary, good, lost, actionKeep, actionDeleteLost},
		"the active one's node is lost":        {paused, secondary, lost, old, actionDeleteLost, actionHold},
		"the active one hands over":            {intended(), secondary, oldLeaving, good, actionWait, actionKeep},
		"the active one is not ready":          {intended(), primary, broken, old, actionKeep, actionWait},
		"the standby is broken and outdated":   {intended(), primary, good, oldBroken, actionKeep, actionReplace},
		"neither works, one holds the Lease":   {intended(), primary, oldBroken, oldBroken, actionWait, actionReplace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			made := decide(pairOf(test.active, test.primary, test.secondary), test.intent)
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
		w := intended()
		w.startable, w.blocked = rapid.Bool().Draw(t, "startable"), rapid.Bool().Draw(t, "blocked")
		w.paused, w.supervised = rapid.Bool().Draw(t, "paused"), rapid.Bool().Draw(t, "supervised")
		made := decide(f, w)

		replaced := 0
		for _, unit := range v1alpha1.Units() {
			own, peer := f.units[unit], f.units[unit.Peer()]
			if made[unit].action != actionReplace {
				continue
			}
			replaced++
			if w.blocked || !w.startable || w.paused {
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
