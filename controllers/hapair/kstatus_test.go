package hapair

import (
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/certificates"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// settledScope returns the scope of a pair that matches its spec: both units ready, in sync and up to date.
func settledScope() *scope {
	pair := &v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "sites", Generation: 3}}
	s := newScope(pair, logr.Discard())
	s.document, s.documentKnown = []byte("{}"), true
	s.facts = pairOf(v1alpha1.Primary, good, good)
	for _, unit := range v1alpha1.Units() {
		report(s, unit, reportedRole(s.facts, unit), document.Hash(s.document))
	}
	s.decisions = decide(s.facts, intended())
	return s
}

func reportedRole(f facts, unit v1alpha1.Unit) v1alpha1.Role {
	if unit == f.active() {
		return v1alpha1.RoleActive
	}
	return v1alpha1.RoleStandby
}

// fataler is what *testing.T and *rapid.T have in common here.
type fataler interface{ Fatal(args ...any) }

// computed returns what kstatus computes from the status that the operator would publish.
func computed(t fataler, s *scope) kstatus.Status {
	pair := s.pair.DeepCopy()
	pair.APIVersion, pair.Kind = v1alpha1.SchemeGroupVersion.String(), "HAPair"
	pair.Status = statusOf(s, metav1.Now())
	return computedOf(t, pair)
}

func computedOf(t fataler, pair *v1alpha1.HAPair) kstatus.Status {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pair)
	if err != nil {
		t.Fatal(err)
	}
	result, err := kstatus.Compute(&unstructured.Unstructured{Object: fields})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// TestKstatus checks for every state what tools such as Flux and Argo CD compute from the conditions.
func TestKstatus(t *testing.T) {
	outdated := func(active v1alpha1.Unit, primary, secondary seen, want intent) func(*scope) {
		return func(s *scope) {
			s.facts = pairOf(active, primary, secondary)
			for _, unit := range v1alpha1.Units() {
				report(s, unit, reportedRole(s.facts, unit), document.Hash(s.document))
			}
			s.decisions = decide(s.facts, want)
			s.pair.Spec.Paused = want.paused
		}
	}
	paused, supervised := intended(), intended()
	paused.paused, supervised.supervised = true, true
	blocked := func(b blocker) func(*scope) { return func(s *scope) { s.block(b) } }
	const current, inProgress, failed = kstatus.CurrentStatus, kstatus.InProgressStatus, kstatus.FailedStatus
	for name, test := range map[string]struct {
		change func(*scope)
		want   kstatus.Status
	}{
		"settled":                       {func(*scope) {}, current},
		"settled and paused":            {func(s *scope) { s.pair.Spec.Paused = true }, current},
		"units are created":             {outdated("", absent, absent, intended()), inProgress},
		"no unit holds the Lease":       {outdated("", good, good, intended()), inProgress},
		"the standby is missing":        {outdated(v1alpha1.Primary, good, absent, intended()), inProgress},
		"the standby is not ready":      {outdated(v1alpha1.Primary, good, broken, intended()), inProgress},
		"both units are outdated":       {outdated(v1alpha1.Primary, old, old, intended()), inProgress},
		"the active unit is outdated":   {outdated(v1alpha1.Primary, old, good, intended()), inProgress},
		"a switchover is awaited":       {outdated(v1alpha1.Primary, old, good, supervised), inProgress},
		"an outdated unit is paused":    {outdated(v1alpha1.Primary, old, good, paused), inProgress},
		"the standby is not in sync":    {outdated(v1alpha1.Primary, good, seen{ready: true}, intended()), current},
		"a provider is behind":          {behind(v1alpha1.Secondary), current},
		"the active unit is promoted":   {reports(v1alpha1.Primary, v1alpha1.RoleStarting, "{}"), inProgress},
		"the active unit is fenced":     {reports(v1alpha1.Primary, v1alpha1.RoleFenced, "{}"), inProgress},
		"the active unit has not told":  {reports(v1alpha1.Primary, "", "{}"), inProgress},
		"a configuration on its way":    {reports(v1alpha1.Primary, v1alpha1.RoleActive, "earlier"), inProgress},
		"the standby is behind":         {reports(v1alpha1.Secondary, v1alpha1.RoleStandby, "earlier"), inProgress},
		"the configuration is invalid":  {blocked(blocker{kind: blockerInvalidDocument, message: "why"}), failed},
		"the configuration is missing":  {blocked(blocker{kind: blockerMissingDocument, message: "why"}), failed},
		"a SyncPolicy is missing":       {blocked(blocker{kind: blockerSyncPolicy, message: "why"}), failed},
		"the API server refuses":        {blocked(blocker{kind: blockerRefused, message: "why"}), failed},
		"a unit refuses":                {refusesConfiguration(v1alpha1.Secondary), failed},
		"a unit lacks routes":           {lacksRoutes(v1alpha1.Secondary), inProgress},
		"a pod cannot start":            {obstructed(v1alpha1.Secondary), failed},
		"the deadline is over":          {overdue(v1alpha1.Secondary), failed},
		"certificates are pending":      {certificatesPending(v1alpha1.ReasonCertificatesPending), inProgress},
		"cert-manager is not installed": {certificatesPending(v1alpha1.ReasonBlocked), failed},
		"an object of someone else": {func(s *scope) {
			s.facts = facts{}
			s.block(blocker{kind: blockerRefused, message: "why"})
		}, failed},
		"it is being deleted": {func(s *scope) { s.pair.DeletionTimestamp = new(metav1.Now()) }, kstatus.TerminatingStatus},
	} {
		t.Run(name, func(t *testing.T) {
			s := settledScope()
			test.change(s)
			if got := computed(t, s); got != test.want {
				t.Errorf("kstatus computes %s, want %s; conditions are %+v", got, test.want, conditionsOf(s))
			}
		})
	}
}

// TestKstatusOfUnseenGeneration checks pairs whose current generation the operator has not seen.
func TestKstatusOfUnseenGeneration(t *testing.T) {
	settled := settledScope()
	for name, before := range map[string]v1alpha1.HAPairStatus{
		"a new pair":          {ObservedGeneration: -1}, // the CRD's default
		"a pair that changed": statusOf(settled, metav1.Now()),
	} {
		pair := settled.pair.DeepCopy()
		pair.Generation, pair.Status = 4, before
		if got := computedOf(t, pair); got != kstatus.InProgressStatus {
			t.Errorf("%s: kstatus computes %s", name, got)
		}
	}
}

// TestProgressIsUnambiguous checks arbitrary states: kstatus takes the first of Reconciling and Stalled that is True,
// so they must never both be, and a Current pair must be Ready.
func TestProgressIsUnambiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settledScope()
		draw := func(label string) seen {
			flag := func(name string) bool { return rapid.Bool().Draw(t, label+" "+name) }
			return seen{
				absent: flag("absent"), outdated: flag("outdated"), leaving: flag("leaving"),
				ended: flag("ended"), ready: flag("ready"), inSync: flag("inSync"),
			}
		}
		active := rapid.SampledFrom([]v1alpha1.Unit{"", v1alpha1.Primary, v1alpha1.Secondary}).Draw(t, "active")
		s.facts = pairOf(active, draw("primary"), draw("secondary"))
		want := intended()
		want.startable, want.paused = rapid.Bool().Draw(t, "startable"), rapid.Bool().Draw(t, "paused")
		if rapid.Bool().Draw(t, "blocked") {
			want.blocked = true
			s.block(blocker{kind: blockerRefused, message: "why"})
		}
		s.decisions = decide(s.facts, want)
		published := statusOf(s, metav1.Now())
		isTrue := func(condition string) bool { return meta.IsStatusConditionTrue(published.Conditions, condition) }
		if isTrue(v1alpha1.ConditionReconciling) && isTrue(v1alpha1.ConditionStalled) {
			t.Error("Reconciling and Stalled are both True")
		}
		pair := s.pair.DeepCopy()
		pair.Status = published
		if computedOf(t, pair) == kstatus.CurrentStatus && !isTrue(v1alpha1.ConditionReady) {
			t.Error("kstatus computes Current for a pair that is not Ready")
		}
	})
}

func reports(unit v1alpha1.Unit, role v1alpha1.Role, enforced string) func(*scope) {
	return func(s *scope) { report(s, unit, role, document.Hash([]byte(enforced))) }
}

// report makes a unit report its role and the hash of the configuration that it enforces.
func report(s *scope, unit v1alpha1.Unit, role v1alpha1.Role, hash string) {
	if reported := s.facts.units[unit].report; reported != nil {
		reported.Role, reported.ConfigurationHash = string(role), hash
	}
}

func refusesConfiguration(unit v1alpha1.Unit) func(*scope) {
	return func(s *scope) {
		meta.SetStatusCondition(&s.facts.units[unit].report.Conditions,
			conditionFalse(v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid, "no such expression"))
	}
}

func behind(unit v1alpha1.Unit) func(*scope) {
	return func(s *scope) {
		meta.SetStatusCondition(&s.facts.units[unit].report.Conditions, conditionFalse(v1alpha1.ConditionSynchronized,
			v1alpha1.ReasonProviderBehind, "provider kea lacks changes of class leases"))
	}
}

func lacksRoutes(unit v1alpha1.Unit) func(*scope) {
	return lacks(unit, v1alpha1.ReasonRoutesMissing, "spec.routing.routes[0]: interface is down")
}

// lacks makes a unit report that it enforces the configuration without a part of it.
func lacks(unit v1alpha1.Unit, reason, message string) func(*scope) {
	return func(s *scope) {
		meta.SetStatusCondition(&s.facts.units[unit].report.Conditions,
			conditionFalse(v1alpha1.ConditionConfigurationApplied, reason, "%s", message))
	}
}

func TestMissingPartsOfAUnitAreReported(t *testing.T) {
	for reason, part := range map[string]string{
		v1alpha1.ReasonRoutesMissing:    "all of its routes",
		v1alpha1.ReasonHelpersMissing:   "all of its helpers",
		v1alpha1.ReasonMulticastMissing: "its multicast",
		v1alpha1.ReasonDHCPMissing:      "its DHCP server",
		v1alpha1.ReasonDNSMissing:       "its DNS forwarder",
		v1alpha1.ReasonNamesUnresolved:  "the addresses of all DNS names",
	} {
		s := settledScope()
		lacks(v1alpha1.Secondary, reason, "spec.some.field: the kernel lacks it")(s)
		c := configurationApplied(s)
		if c.Status != metav1.ConditionFalse || c.Reason != reason ||
			!strings.HasPrefix(c.Message, "Unit secondary enforces configuration ") ||
			!strings.Contains(c.Message, "without "+part) ||
			!strings.Contains(c.Message, "spec.some.field: the kernel lacks it") {
			t.Errorf("got %+v", c)
		}
	}
}

func obstructed(unit v1alpha1.Unit) func(*scope) {
	return func(s *scope) {
		own := s.facts.units[unit]
		own.obstacle = "container firewall: CrashLoopBackOff"
		s.facts.units[unit] = own
	}
}

func overdue(unit v1alpha1.Unit) func(*scope) {
	return func(s *scope) {
		own := s.facts.units[unit]
		own.overdue = "the pod has not become ready"
		s.facts.units[unit] = own
	}
}

func certificatesPending(reason string) func(*scope) {
	return func(s *scope) { s.certificatesPending = &certificates.Pending{Reason: reason, Message: "waiting"} }
}
