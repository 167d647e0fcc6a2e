package hapair

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

func status(active v1alpha1.Unit, term int64, conditions ...metav1.Condition) v1alpha1.HAPairStatus {
	return v1alpha1.HAPairStatus{Active: active, Term: term, Conditions: conditions}
}

func TestTransitions(t *testing.T) {
	redundant := conditionTrue(v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyReady, "stands by")
	alone := conditionFalse(v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyMissing, "is missing")
	invalid := conditionFalse(v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid, "zones[0]: wrong")
	invalidElsewhere := conditionFalse(v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid, "zones[1]: wrong")
	applying := conditionFalse(v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplying, "waiting")
	applied := conditionTrue(v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplied, "both")
	blocked := conditionTrue(v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "why")
	stalled := conditionTrue(v1alpha1.ConditionStalled, v1alpha1.ReasonProgressDeadlineExceeded, "too long")
	awaited := conditionTrue(v1alpha1.ConditionReconciling, v1alpha1.ReasonSwitchoverAwaited, "when it suits")
	blockedMore := conditionTrue(v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "why, in other words")

	conflict := conditionTrue(v1alpha1.ConditionAddressConflict, v1alpha1.ReasonDuplicateAddress, "shares")
	noConflict := conditionFalse(v1alpha1.ConditionAddressConflict, v1alpha1.ReasonNoConflict, "nobody else")
	reported := func(term int64, cause contract.Cause) v1alpha1.HAPairStatus {
		s := status("secondary", term)
		s.History = []v1alpha1.FailoverRecord{{
			To: "secondary", Term: term, Cause: cause.String(), ConnectionsHeld: new(int64(500_000)),
			Steps: []v1alpha1.FailoverStep{
				{Name: "Detected", Microseconds: 351_000},
				{Name: "Claimed", Microseconds: 9_000},
				{Name: "FenceConfirmed", Microseconds: 80_950},
			},
		}}
		return s
	}
	uncounted := reported(2, contract.CauseStop)
	uncounted.History[0].ConnectionsHeld = nil
	const steps = " within 440.9 ms: Detected 351.0 ms, Claimed 9.0 ms, FenceConfirmed 80.9 ms, connections held "

	type row = struct {
		before, after v1alpha1.HAPairStatus
		want          []string
	}
	tests := map[string]row{
		"nothing":     {status("primary", 1, redundant), status("primary", 1, redundant), nil},
		"nothing yet": {status("", 0), status("", 0, alone, applying), nil},
		"first active": {
			status("", 0), status("primary", 1),
			[]string{"ActiveChanged: Unit primary is active in term 1"},
		},
		"failover": {
			status("primary", 1), status("secondary", 2),
			[]string{"ActiveChanged: Unit secondary is active in term 2, in place of unit primary"},
		},
		"failover and back, seen late": {
			status("primary", 1), status("primary", 3),
			[]string{"ActiveChanged: Unit primary is active in term 3"},
		},
		"released": {
			status("primary", 1), status("", 1),
			[]string{"Warning ActiveLost: No unit is active after unit primary"},
		},
		"standby comes": {
			status("primary", 1, alone), status("primary", 1, redundant),
			[]string{"RedundancyRestored: stands by"},
		},
		"standby goes": {
			status("primary", 1, redundant), status("primary", 1, alone),
			[]string{"Warning RedundancyLost: is missing"},
		},
		"document refused": {
			status("", 0, applied), status("", 0, invalid, blocked),
			[]string{"Warning ConfigurationRefused: zones[0]: wrong"},
		},
		"a standby that does not come": {
			status("", 0), status("", 0, stalled), []string{"Warning ProgressDeadlineExceeded: too long"},
		},
		"a stall that lasts": {status("", 0, stalled), status("", 0, stalled), nil},
		"an upgrade that waits, with a document that is in force": {
			status("", 0, stalled, applying), status("", 0, awaited, applied),
			[]string{"ConfigurationApplied: both", "SwitchoverAwaited: when it suits"},
		},
		"an upgrade that waits": {
			status("", 0, stalled), status("", 0, awaited), []string{"SwitchoverAwaited: when it suits"},
		},
		"document still refused": {status("", 0, invalid, blocked), status("", 0, invalid, blocked), nil},
		"document refused elsewhere": {
			status("", 0, invalid), status("", 0, invalidElsewhere),
			[]string{"Warning ConfigurationRefused: zones[1]: wrong"},
		},
		"document on its way": {status("", 0, applied), status("", 0, applying), nil},
		"document arrived": {
			status("", 0, applying), status("", 0, applied),
			[]string{"ConfigurationApplied: both"},
		},
		"blocked":                 {status("", 0), status("", 0, blocked), []string{"Warning Blocked: why"}},
		"blocked, in other words": {status("", 0, blocked), status("", 0, blockedMore), nil},
		"failover is over": {
			status("secondary", 2), reported(2, contract.CauseSilence),
			[]string{"Warning FailoverCompleted: Unit secondary became active in term 2 (Silence)" + steps + "500000"},
		},
		"the Lease had run out": {
			reported(1, contract.CauseFirst), func() v1alpha1.HAPairStatus {
				s := reported(2, contract.CauseExpiry)
				s.Term = 1 // seen before the change itself
				return s
			}(),
			[]string{"Warning FailoverCompleted: Unit secondary became active in term 2 (Expiry)" + steps + "500000"},
		},
		"switchover is over": {
			status("secondary", 2), uncounted,
			[]string{"SwitchoverCompleted: Unit secondary became active in term 2 (Stop)" + steps + "unknown"},
		},
		"failover told already":       {reported(2, contract.CauseSilence), reported(2, contract.CauseSilence), nil},
		"report is gone with a Lease": {reported(2, contract.CauseSilence), status("secondary", 2), nil},
		"another station comes": {
			status("primary", 1, noConflict), status("primary", 1, conflict), []string{"Warning AddressConflict: shares"},
		},
		"another station was there at first": {
			status("primary", 1), status("primary", 1, conflict), []string{"Warning AddressConflict: shares"},
		},
		"another station is still there": {status("primary", 1, conflict), status("primary", 1, conflict), nil},
		"another station goes": {
			status("primary", 1, conflict), status("primary", 1, noConflict), []string{"AddressConflictGone: nobody else"},
		},
		"two at once": {
			status("primary", 1, redundant), status("secondary", 2, alone),
			[]string{
				"ActiveChanged: Unit secondary is active in term 2, in place of unit primary",
				"Warning RedundancyLost: is missing",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var told []string
			for _, transition := range transitions(test.before, test.after) {
				kind := ""
				if transition.notice.kind == corev1.EventTypeWarning {
					kind = "Warning "
				}
				told = append(told, kind+transition.notice.reason+": "+transition.note)
			}
			if !slices.Equal(told, test.want) {
				t.Errorf("got  %q\nwant %q", told, test.want)
			}
		})
	}
}

func TestShorten(t *testing.T) {
	for _, text := range []string{"", "a", "abc", "äöüäöüäöü", strings.Repeat("漢字", 100), "\xff\xfe\xfd\xfc\xfb\xfa"} {
		for bytes := 3; bytes < 12; bytes++ {
			got := shorten(text, bytes)
			if len(got) > bytes {
				t.Errorf("shorten(%q, %d) has %d bytes", text, bytes, len(got))
			}
			if utf8.ValidString(text) && !utf8.ValidString(got) {
				t.Errorf("shorten(%q, %d) = %q cuts a character", text, bytes, got)
			}
			if len(text) <= bytes && got != text {
				t.Errorf("shorten(%q, %d) = %q", text, bytes, got)
			}
		}
	}
}
