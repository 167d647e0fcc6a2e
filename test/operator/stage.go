//go:build apiserver

package operator

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// stage is a namespace with one pair. Its methods play what does not exist here: users, kubelets and units.
type stage struct {
	namespace string
	pair      *v1alpha1.HAPair
}

// newStage creates the namespace. It does not create the pair, so that a test can change it first.
func newStage(ctx context.Context) *stage {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "pair-"}}
	Expect(admin.Create(ctx, namespace)).To(Succeed())
	for _, name := range []string{"lan", "wan"} {
		Expect(admin.Create(ctx, attachment(namespace.Name, name))).To(Succeed())
	}
	for _, configuration := range firewalls(namespace.Name) {
		Expect(admin.Create(ctx, configuration)).To(Succeed())
	}
	return &stage{namespace: namespace.Name, pair: &v1alpha1.HAPair{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: namespace.Name},
		Spec: v1alpha1.HAPairSpec{
			Firewall: v1alpha1.FirewallSpec{ConfigurationRef: named("accept")},
			Networks: []v1alpha1.NetworkSpec{network("lan", "192.168.50.1/24"), network("wan", "203.0.113.1/24")},
			Service: &v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: 5353},
			}},
		},
	}}
}

func network(name string, addresses ...string) v1alpha1.NetworkSpec {
	return v1alpha1.NetworkSpec{
		Name:             name,
		Attachment:       v1alpha1.NetworkAttachment{Multus: &v1alpha1.MultusAttachment{Name: name}},
		VirtualAddresses: addresses,
	}
}

func attachment(namespace, name string) client.Object {
	definition := &unstructured.Unstructured{}
	definition.SetAPIVersion("k8s.cni.cncf.io/v1")
	definition.SetKind("NetworkAttachmentDefinition")
	definition.SetNamespace(namespace)
	definition.SetName(name)
	return definition
}

func (s *stage) create(ctx context.Context) {
	GinkgoHelper()
	Expect(admin.Create(ctx, s.pair)).To(Succeed())
}

// change edits the pair as a user would.
func (s *stage) change(ctx context.Context, edit func(*v1alpha1.HAPairSpec)) {
	GinkgoHelper()
	Eventually(func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(s.pair), s.pair); err != nil {
			return err
		}
		edit(&s.pair.Spec)
		return admin.Update(ctx, s.pair)
	}).Should(Succeed())
}

func (s *stage) podName(unit v1alpha1.Unit) string { return "edge-" + string(unit) }

// pod waits for the unit's pod.
func (s *stage) pod(ctx context.Context, unit v1alpha1.Unit) *corev1.Pod {
	GinkgoHelper()
	pod := &corev1.Pod{}
	s.eventuallyGet(ctx, s.podName(unit), pod)
	return pod
}

func (s *stage) eventuallyGet(ctx context.Context, name string, object client.Object) {
	GinkgoHelper()
	Eventually(func() error { return s.get(ctx, name, object) }).Should(Succeed())
}

func (s *stage) get(ctx context.Context, name string, object client.Object) error {
	return admin.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, object)
}

// run plays the kubelet and the sidecar: the pod gets a node and an address, and its containers run and report.
func (s *stage) run(ctx context.Context, unit v1alpha1.Unit, reports ...units.Report) {
	GinkgoHelper()
	pod := s.pod(ctx, unit)
	number := map[v1alpha1.Unit]int{v1alpha1.Primary: 1, v1alpha1.Secondary: 2}[unit]
	if pod.Spec.NodeName == "" {
		Expect(admin.SubResource("binding").Create(ctx, pod, &corev1.Binding{
			Target: corev1.ObjectReference{Kind: "Node", Name: fmt.Sprintf("node-%d", number)},
		})).To(Succeed())
	}
	if len(reports) > 0 {
		s.report(ctx, unit, append(reports, units.NoConflict())...)
	}
	address := fmt.Sprintf("10.1.%d.7", number)
	s.setStatus(ctx, unit, func(status *corev1.PodStatus) {
		units.SetRunning(status, address)
		units.SetConditions(status, units.Ready(true))
	})
}

func (s *stage) setStatus(ctx context.Context, unit v1alpha1.Unit, edit func(*corev1.PodStatus)) {
	GinkgoHelper()
	Eventually(func() error {
		pod := &corev1.Pod{}
		if err := s.get(ctx, s.podName(unit), pod); err != nil {
			return err
		}
		edit(&pod.Status)
		return admin.Status().Update(ctx, pod)
	}).Should(Succeed())
}

// setConditions plays the kubelet, which writes conditions of a pod.
func (s *stage) setConditions(ctx context.Context, unit v1alpha1.Unit, conditions ...corev1.PodCondition) {
	GinkgoHelper()
	s.setStatus(ctx, unit, func(status *corev1.PodStatus) { units.SetConditions(status, conditions...) })
}

// report plays the sidecar of the unit's present pod, which writes its HAUnit.
func (s *stage) report(ctx context.Context, unit v1alpha1.Unit, reports ...units.Report) {
	GinkgoHelper()
	Eventually(func() error {
		pod, object := &corev1.Pod{}, &v1alpha1.HAUnit{}
		if err := s.get(ctx, s.podName(unit), pod); err != nil {
			return err
		}
		if err := s.get(ctx, s.podName(unit), object); err != nil {
			return err
		}
		units.Write(&object.Status, unit, pod.UID, reports...)
		return admin.Status().Update(ctx, object)
	}).Should(Succeed())
}

// hold plays the sidecar of the unit's present pod that takes the Lease.
func (s *stage) hold(ctx context.Context, unit v1alpha1.Unit, term int32) {
	GinkgoHelper()
	holder := units.Holder(unit, s.pod(ctx, unit).UID)
	s.writeLease(ctx, func(spec *coordinationv1.LeaseSpec) {
		spec.HolderIdentity, spec.LeaseTransitions = &holder, &term
	})
}

func (s *stage) writeLease(ctx context.Context, edit func(*coordinationv1.LeaseSpec)) {
	GinkgoHelper()
	s.replaceLease(ctx, func(lease *coordinationv1.Lease) { edit(&lease.Spec) })
}

// replaceLease plays a sidecar, which writes the whole Lease and keeps in it what others put there.
func (s *stage) replaceLease(ctx context.Context, edit func(*coordinationv1.Lease)) {
	GinkgoHelper()
	Eventually(func() error {
		lease := &coordinationv1.Lease{}
		if err := s.get(ctx, "edge", lease); err != nil {
			return err
		}
		edit(lease)
		units.Renew(&lease.Spec)
		return admin.Update(ctx, lease)
	}).Should(Succeed())
}

// note plays a sidecar that sets an annotation of the Lease.
func (s *stage) note(ctx context.Context, annotation, text string) {
	GinkgoHelper()
	s.replaceLease(ctx, func(lease *coordinationv1.Lease) {
		metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotation, text)
	})
}

// leaseNotes returns the annotations of the Lease.
func (s *stage) leaseNotes(ctx context.Context) map[string]string {
	GinkgoHelper()
	lease := &coordinationv1.Lease{}
	Expect(s.get(ctx, "edge", lease)).To(Succeed())
	return lease.Annotations
}

// settle brings the pair to its final state: primary active, secondary in sync.
func (s *stage) settle(ctx context.Context) {
	GinkgoHelper()
	s.settleAs(ctx, v1alpha1.ReasonSettled)
}

// settleAs brings the pair to its final state, in which Reconciling has another reason.
func (s *stage) settleAs(ctx context.Context, progress string) {
	GinkgoHelper()
	hash := s.documentHash(ctx)
	s.run(ctx, v1alpha1.Primary, units.RoleIs(v1alpha1.RoleActive), units.InSync(), units.Enforces(hash))
	s.run(ctx, v1alpha1.Secondary, units.RoleIs(v1alpha1.RoleStandby), units.InSync(), units.Enforces(hash))
	s.hold(ctx, v1alpha1.Primary, 1)
	for condition, reason := range map[string]string{
		v1alpha1.ConditionReady: v1alpha1.ReasonActive, v1alpha1.ConditionRedundant: v1alpha1.ReasonStandbyReady,
		v1alpha1.ConditionSynchronized:         v1alpha1.ReasonInSync,
		v1alpha1.ConditionConfigurationApplied: v1alpha1.ReasonApplied,
		v1alpha1.ConditionReconciling:          progress,
		v1alpha1.ConditionDegraded:             v1alpha1.ReasonHealthy,
		v1alpha1.ConditionAddressConflict:      v1alpha1.ReasonNoConflict,
	} {
		s.eventually(ctx, condition, reason)
	}
}

// rest waits until the operator has nothing to write.
func (s *stage) rest(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() int {
		before := requests.in(s.namespace).writes
		s.reconcileNow(ctx)
		return requests.in(s.namespace).writes - before
	}).Should(BeZero())
}

// reconcileNow reconciles the pair once.
func (s *stage) reconcileNow(ctx context.Context) {
	GinkgoHelper()
	_, err := operator.Reconcile(ctx, requestFor(s.namespace, s.pair.Name))
	Expect(err).NotTo(HaveOccurred())
}

func requestFor(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func (s *stage) documentHash(ctx context.Context) string {
	GinkgoHelper()
	return s.pod(ctx, v1alpha1.Primary).Annotations[v1alpha1.AnnotationConfigurationHash]
}

// condition returns a condition of the pair; nil while the pair does not have it.
func (s *stage) condition(ctx context.Context, condition string) *metav1.Condition {
	GinkgoHelper()
	pair := s.seen(ctx)
	return meta.FindStatusCondition(pair.Status.Conditions, condition)
}

func (s *stage) seen(ctx context.Context) *v1alpha1.HAPair {
	GinkgoHelper()
	pair := &v1alpha1.HAPair{}
	Expect(admin.Get(ctx, client.ObjectKeyFromObject(s.pair), pair)).To(Succeed())
	return pair
}

// eventually waits until a condition has a reason, for the present generation.
func (s *stage) eventually(ctx context.Context, condition, reason string, message ...string) {
	GinkgoHelper()
	matchers := []gomegatypes.GomegaMatcher{
		HaveField("Reason", reason), HaveField("ObservedGeneration", s.pair.Generation),
	}
	for _, part := range message {
		matchers = append(matchers, HaveField("Message", ContainSubstring(part)))
	}
	Eventually(func() *metav1.Condition { return s.condition(ctx, condition) }).
		Should(And(Not(BeNil()), And(matchers...)), condition)
}

// events returns the notes of the Events about the pair with this reason.
func (s *stage) events(ctx context.Context, reason string) []string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(admin.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	notes := []string{}
	for _, e := range list.Items {
		if e.Reason == reason && e.Regarding.UID == s.pair.UID {
			notes = append(notes, e.Note)
		}
	}
	return notes
}

func (s *stage) endpoints(ctx context.Context) []discoveryv1.Endpoint {
	GinkgoHelper()
	slice := &discoveryv1.EndpointSlice{}
	Expect(s.get(ctx, "edge", slice)).To(Succeed())
	return slice.Endpoints
}

// role returns the role in the label of the unit's pod.
func (s *stage) role(ctx context.Context, unit v1alpha1.Unit) string {
	GinkgoHelper()
	return s.pod(ctx, unit).Labels[v1alpha1.LabelRole]
}

func itemsOf(list client.ObjectList) []client.Object {
	GinkgoHelper()
	items, err := meta.ExtractList(list)
	Expect(err).NotTo(HaveOccurred())
	objects := make([]client.Object, 0, len(items))
	for _, item := range items {
		object, ok := item.(client.Object)
		Expect(ok).To(BeTrue())
		objects = append(objects, object)
	}
	return objects
}
