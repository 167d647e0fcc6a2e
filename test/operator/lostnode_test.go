//go:build apiserver

package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("A unit whose pod does not terminate", Ordered, func() {
	// later reconciles when the pod is overdue.
	later := func(ctx SpecContext, s *stage) {
		GinkgoHelper()
		clock.advance(10 * time.Minute)
		s.reconcileNow(ctx)
	}
	newNode := func(ctx SpecContext, ready corev1.ConditionStatus) *corev1.Node {
		GinkgoHelper()
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-2"}}
		Expect(admin.Create(ctx, node)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, node))).To(Succeed()) })
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
		Expect(admin.Status().Update(ctx, node)).To(Succeed())
		return node
	}
	var s *stage
	var pod *corev1.Pod
	BeforeEach(func(ctx SpecContext) {
		DeferCleanup(clock.reset)
		s = newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
		pod = s.pod(ctx, v1alpha1.Secondary)
	})
	isAnother := func(ctx SpecContext) func() bool {
		return func() bool {
			now := &corev1.Pod{}
			return s.get(ctx, pod.Name, now) == nil && now.UID != pod.UID
		}
	}

	It("stays while its node responds, and the pair is stalled", func(ctx SpecContext) {
		newNode(ctx, corev1.ConditionTrue)
		Expect(admin.Delete(ctx, pod)).To(Succeed())
		Eventually(func() *metav1.Time { return s.pod(ctx, v1alpha1.Secondary).DeletionTimestamp }).ShouldNot(BeNil())
		Eventually(func() string {
			later(ctx, s)
			return s.condition(ctx, v1alpha1.ConditionStalled).Message
		}).Should(And(ContainSubstring("pod edge-secondary should have terminated"), ContainSubstring("node-2")))
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked)
		Expect(isAnother(ctx)()).To(BeFalse())
	})

	for name, lose := range map[string]func(SpecContext){
		"does not respond": func(ctx SpecContext) { newNode(ctx, corev1.ConditionUnknown) },
		"is gone":          func(SpecContext) {},
	} {
		It("is replaced when its node "+name, func(ctx SpecContext) {
			lose(ctx)
			Expect(admin.Delete(ctx, pod)).To(Succeed())
			Consistently(isAnother(ctx)).Should(BeFalse(), "its time is not over")
			Eventually(func() bool {
				later(ctx, s)
				return isAnother(ctx)()
			}).Should(BeTrue())
			Eventually(s.events).WithArguments(ctx, "UnitLost").ShouldNot(BeEmpty())
		})
	}
})
