//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// unitChange turns a valid unit into the one that a case is about.
type unitChange func(*v1alpha1.HAUnit)

// newUnit returns a valid unit.
func newUnit() *v1alpha1.HAUnit {
	return &v1alpha1.HAUnit{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "edge-primary"},
		Spec:       v1alpha1.HAUnitSpec{Pair: "edge", Unit: v1alpha1.Primary},
	}
}

// newUnitStatus returns a status that uses every field.
func newUnitStatus() v1alpha1.HAUnitStatus {
	return v1alpha1.HAUnitStatus{
		Role: "Active", Term: 7, Incarnation: "primary/0e6f0a0e-6c5c-4f7b-9a8e-0d8f3c1d2b4a/8d1f", Fence: "BPF",
		ConfigurationHash: strings.Repeat("a", 64),
		Health: []v1alpha1.UnitHealth{
			{Name: "Firewall", Healthy: true},
			{Name: "probe/gateway", Message: "no answer"},
		},
		Classes: []v1alpha1.UnitClass{
			{Name: "ConnectionCache", State: "InSync", Since: metav1.Now(), Entries: new(int64(1000))},
		},
		LastFailover: &v1alpha1.FailoverRecord{
			From: "secondary", To: "primary", Term: 7, Cause: "Silence", Time: metav1.NowMicro(),
			Steps:           []v1alpha1.FailoverStep{{Name: "Detected", Microseconds: 350_000}},
			ConnectionsHeld: new(int64(1000)),
		},
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionFenceArmed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonBPF,
			LastTransitionTime: metav1.Now(),
		}},
	}
}

var _ = Describe("HAUnit", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change unitChange) {
			unit := newUnit()
			change(unit)
			Expect(trial.Create(ctx, unit)).To(Succeed())
		},
		Entry("the primary unit", func(*v1alpha1.HAUnit) {}),
		Entry("the secondary unit", func(u *v1alpha1.HAUnit) {
			u.Name, u.Spec.Unit = "edge-secondary", v1alpha1.Secondary
		}),
		Entry("the longest name of a pair", func(u *v1alpha1.HAUnit) {
			u.Spec.Pair = strings.Repeat("a", 40)
			u.Name = u.Spec.Pair + "-primary"
		}),
	)

	DescribeTable("rejects",
		func(ctx SpecContext, field, remedy string, change unitChange) {
			unit := newUnit()
			change(unit)
			expectRefusal(ctx, unit, field, remedy)
		},
		Entry("a name without the name of the unit", "HAUnit", "must be <pair>-<unit>",
			func(u *v1alpha1.HAUnit) { u.Name = "edge" }),
		Entry("the name of the other unit", "HAUnit", "must be <pair>-<unit>",
			func(u *v1alpha1.HAUnit) { u.Name = "edge-secondary" }),
		Entry("a unit that does not exist", "spec.unit", `supported values: "primary", "secondary"`,
			func(u *v1alpha1.HAUnit) { u.Name, u.Spec.Unit = "edge-third", "third" }),
		Entry("a pair without a name", "spec.pair", "should be at least 1 chars long",
			func(u *v1alpha1.HAUnit) { u.Spec.Pair = "" }),
		Entry("a pair whose name is too long", "spec.pair", "may not be more than 40",
			func(u *v1alpha1.HAUnit) { u.Spec.Pair = strings.Repeat("a", 41) }),
	)

	DescribeTable("requires",
		func(ctx SpecContext, field, spec string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: HAUnit
metadata: {name: edge-primary, namespace: default}
`+spec), field, "Required value")
		},
		Entry("a spec", "spec", ``),
		Entry("a pair", "spec.pair", `spec: {unit: primary}`),
		Entry("a unit", "spec.unit", `spec: {pair: edge}`),
	)

	Context("once it exists", func() {
		var unit *v1alpha1.HAUnit

		BeforeEach(func(ctx SpecContext) {
			unit = newUnit()
			Expect(server.Create(ctx, unit)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, newUnit())).To(Succeed()) })
		})

		It("accepts a label, and rejects another pair or unit", func(ctx SpecContext) {
			unit.Labels = map[string]string{v1alpha1.LabelPair: "edge"}
			Expect(server.Update(ctx, unit)).To(Succeed())
			for _, change := range []unitChange{
				func(u *v1alpha1.HAUnit) { u.Spec.Pair = "other" },
				func(u *v1alpha1.HAUnit) { u.Spec.Unit = v1alpha1.Secondary },
			} {
				changed := unit.DeepCopy()
				change(changed)
				err := server.Update(ctx, changed)
				Expect(apierrors.IsInvalid(err)).To(BeTrue(), "got: %v", err)
				Expect(err.Error()).To(And(ContainSubstring("spec"), ContainSubstring("change the HAPair instead")))
			}
		})

		It("keeps a status that uses every field, and values of later releases", func(ctx SpecContext) {
			unit.Status = newUnitStatus()
			unit.Status.Role, unit.Status.Fence = "Observing", "Hardware"
			unit.Status.LastFailover.Cause = "Maintenance"
			unit.Status.LastFailover.Steps[0].Name = "RoutesInstalled"
			unit.Status.Classes[0].State = "Draining"
			want := unit.Status.DeepCopy()
			Expect(server.Status().Update(ctx, unit)).To(Succeed())
			Expect(unit.Status.LastFailover.Steps).To(Equal(want.LastFailover.Steps))
			Expect(unit.Status.Classes[0].State).To(Equal("Draining"))
			Expect(unit.Status.Role).To(Equal("Observing"))
		})

		DescribeTable("rejects a status that is out of bounds",
			func(ctx SpecContext, field, remedy string, change func(*v1alpha1.HAUnitStatus)) {
				unit.Status = newUnitStatus()
				change(&unit.Status)
				err := server.Status().Update(ctx, unit)
				Expect(apierrors.IsInvalid(err)).To(BeTrue(), "got: %v", err)
				Expect(err.Error()).To(And(ContainSubstring(field), ContainSubstring(remedy)))
			},
			Entry("65 health checks", "status.health", "must have at most 64 items", func(s *v1alpha1.HAUnitStatus) {
				s.Health = nil
				for i := range 65 {
					s.Health = append(s.Health, v1alpha1.UnitHealth{Name: fmt.Sprint(i)})
				}
			}),
			Entry("a health check twice", "status.health[1]", "Duplicate value", func(s *v1alpha1.HAUnitStatus) {
				s.Health[1].Name = s.Health[0].Name
			}),
			Entry("a message that is too long", "status.health[0].message", "may not be more than 1024",
				func(s *v1alpha1.HAUnitStatus) { s.Health[0].Message = strings.Repeat("a", 1025) }),
			Entry("a class twice", "status.classes[1]", "Duplicate value", func(s *v1alpha1.HAUnitStatus) {
				s.Classes = append(s.Classes, s.Classes[0])
			}),
			Entry("17 steps", "status.lastFailover.steps", "must have at most 16 items",
				func(s *v1alpha1.HAUnitStatus) { s.LastFailover.Steps = make([]v1alpha1.FailoverStep, 17) }),
		)
	})
})
