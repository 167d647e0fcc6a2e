package hapair

import (
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// What cannot be read leaves what was known before, and a line in the log.
func TestReportThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"garbage", "{}", `{"term":-1}`, strings.Repeat("[", 1<<20)} {
		var logged []string
		s := newScope(&v1alpha1.HAPair{}, funcr.New(func(_, line string) { logged = append(logged, line) }, funcr.Options{}))
		s.facts = facts{whole: true, failoverReport: text}
		s.pair.Status.LastFailover = &v1alpha1.FailoverStatus{Term: 3}
		if last := statusOf(s, metav1.Now()).LastFailover; last == nil || last.Term != 3 {
			t.Errorf("%.20s: the status says %+v, want what was known", text, last)
		}
		if len(logged) != 1 || !strings.Contains(logged[0], "report") || len(logged[0]) > 1024 {
			t.Errorf("%.20s: logged was %.2000q", text, logged)
		}
	}
}

func TestFenceAndHealth(t *testing.T) {
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}
	said := func(kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) corev1.PodCondition {
		return corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message}
	}
	fenced := func(status corev1.ConditionStatus, reason string) corev1.PodCondition {
		return said(v1alpha1.PodConditionFenced, status, reason, "")
	}
	good := said(v1alpha1.PodConditionHealthy, corev1.ConditionTrue, v1alpha1.ReasonMonitorsGood, "")
	bad := said(v1alpha1.PodConditionHealthy, corev1.ConditionFalse, v1alpha1.ReasonMonitorFailed, "lan has no carrier")
	unknown := said(v1alpha1.PodConditionHealthy, corev1.ConditionUnknown, "", "")
	const yes, no, maybe = "true", "false", ""
	for name, test := range map[string]struct {
		conditions []corev1.PodCondition
		fence      v1alpha1.Fence
		healthy    string
		fault      string
	}{
		"nothing is said":        {[]corev1.PodCondition{ready}, "", maybe, ""},
		"fenced by BPF, healthy": {[]corev1.PodCondition{ready, fenced("True", "BPF"), good}, "BPF", yes, ""},
		"fenced by nftables, not well": {
			[]corev1.PodCondition{ready, fenced("True", "NFTables"), bad}, "NFTables", no, "lan has no carrier",
		},
		"not fenced": {
			[]corev1.PodCondition{ready, fenced("False", "Unavailable"), unknown}, "Unavailable", maybe, "",
		},
		"fenced by something new":    {[]corev1.PodCondition{ready, fenced("True", "Magic"), good}, "", yes, ""},
		"healthy before it was lost": {[]corev1.PodCondition{fenced("True", "BPF"), good}, "BPF", maybe, ""},
		"faulty, and not ready for that": {
			[]corev1.PodCondition{fenced("True", "BPF"), bad}, "BPF", no, "lan has no carrier",
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := unitFacts{pod: &corev1.Pod{Status: corev1.PodStatus{Conditions: test.conditions}}}
			healthy, fault := u.health()
			word := maybe
			if healthy != nil {
				word = map[bool]string{true: yes, false: no}[*healthy]
			}
			if u.fence() != test.fence || word != test.healthy || fault != test.fault {
				t.Errorf("got fence %q, healthy %q, fault %q", u.fence(), word, fault)
			}
		})
	}
}
