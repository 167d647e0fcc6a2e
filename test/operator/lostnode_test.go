//go:build apiserver

package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/hapair"
)

var _ = Describe("A unit whose pod does not terminate", Ordered, func() {
	// An operator of its own, for which the pod is overdue.
	later := func(s *stage) func(SpecContext) {
		ahead := &hapair.Reconciler{
			Client: operator.Client, Live: operator.Live, Events: operator.Events, Images: operator.Images,
			Now: func() time.Time { return time.Now().Add(10 * time.Minute) },
		}
		return func(ctx SpecContext) {
			GinkgoHelper()
			_, err := ahead.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(s.pair)})
			Expect(err).NotTo(HaveOccurred())
		}
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
			later(s)(ctx)
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
				later(s)(ctx)
				return isAnother(ctx)()
			}).Should(BeTrue())
			Eventually(s.events).WithArguments(ctx, "UnitLost").ShouldNot(BeEmpty())
		})
	}
})
