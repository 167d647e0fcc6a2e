//go:build e2e

package e2e

import (
	"context"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/test/internal/scenario"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/namespace"
)

var _ = Describe("A configuration", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("is changed on both units without replacing a pod", func(ctx SpecContext) {
		pods := unitPods(ctx, edge)
		status := getPair(ctx, edge).Status
		before := status.Units[0].ConfigurationHash
		onActive := documentChange(ctx, edge, status.Active, before)
		onStandby := documentChange(ctx, edge, status.Standby, before)
		changed := time.Now()
		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { spec.Policies[0].Log = true })
		Eventually(func(g Gomega, ctx context.Context) {
			pair := getPair(ctx, edge)
			g.Expect(conditionOf(pair, hapairv1alpha1.ConditionConfigurationApplied)).To(Equal("True/Applied"))
			g.Expect(pair.Status.Units).To(HaveLen(2))
			for _, unit := range pair.Status.Units {
				g.Expect(unit.ConfigurationHash).NotTo(Or(BeEmpty(), Equal(before)))
				g.Expect(unit.ConfigurationHash).To(Equal(pair.Status.Units[0].ConfigurationHash))
			}
		}).WithContext(ctx).Should(Succeed())
		for unit, pod := range unitPods(ctx, edge) {
			Expect(pod.UID).To(Equal(pods[unit].UID))
		}
		Expect(reach(ctx)).To(Succeed())

		By("having applied it on the active first")
		var first, second time.Time
		Eventually(onActive).Should(Receive(&first))
		Eventually(onStandby).Should(Receive(&second))
		say("A changed document was in force on the active after %s, on the standby after %s",
			first.Sub(changed).Round(time.Millisecond), second.Sub(changed).Round(time.Millisecond))
		Expect(second).To(BeTemporally(">", first))
	}, NodeTimeout(3*time.Minute))

	It("reaches the standby through the active", func(ctx SpecContext) {
		before := getPair(ctx, edge).Status
		standby, old := before.Active.Peer(), enforced(ctx, before.Active)
		Expect(enforced(ctx, standby)).To(Equal(old))

		By("separating the units")
		Expect(site.Cluster.Cut(cluster.Worker1, cluster.Worker2)).To(Succeed())
		DeferCleanup(func() error { return site.Cluster.HealAll() })
		eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionSynchronized, "False/PeerDisconnected")
		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { spec.Logging.Dropped = true })
		Eventually(enforced).WithContext(ctx).WithArguments(before.Active).ShouldNot(Or(BeEmpty(), Equal(old)))
		Consistently(enforced).WithContext(ctx).WithArguments(standby).WithTimeout(waiting).Should(Equal(old),
			"the standby did not wait for the document from the active")
		message := eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionConfigurationApplied, "False/Applying")
		Expect(message).To(ContainSubstring(string(standby)))

		By("connecting the units again")
		Expect(site.Cluster.Heal(cluster.Worker1, cluster.Worker2)).To(Succeed())
		Eventually(enforced).WithContext(ctx).WithArguments(standby).Should(Equal(enforced(ctx, before.Active)))
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		Expect(getPair(ctx, edge).Status.Active).To(Equal(before.Active))
		Expect(reach(ctx)).To(Succeed())
	}, NodeTimeout(4*time.Minute))

	It("is refused with the path of an invalid field, and the last valid one stays in force", func(ctx SpecContext) {
		before := getPair(ctx, edge).Status
		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { spec.Policies[0].From[0] = "lann" })
		message := eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionConfigurationApplied, "False/Invalid")
		Expect(message).To(ContainSubstring("spec.policies[0].from[0]"))
		Expect(message).To(ContainSubstring("lann"))
		pair := getPair(ctx, edge)
		Expect(conditionOf(pair, hapairv1alpha1.ConditionReady)).To(Equal("False/ConfigurationNotApplied"))
		Expect(pair.Status.Active).To(Equal(before.Active))
		Expect(pair.Status.Units[0].ConfigurationHash).To(Equal(before.Units[0].ConfigurationHash))
		Expect(reach(ctx)).To(Succeed())

		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { spec.Policies[0].From[0] = "lan" })
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(3*time.Minute))

	It("stays in force when the object is deleted", func(ctx SpecContext) {
		pair := getPair(ctx, edge)
		patch := client.MergeFrom(pair.DeepCopy())
		pair.Spec.Firewall.ConfigurationRef.Name = "nowhere"
		Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
		message := eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionConfigurationApplied,
			"False/ConfigurationNotFound")
		Expect(message).To(ContainSubstring("nowhere"))
		Expect(reach(ctx)).To(Succeed())

		pair = getPair(ctx, edge)
		patch = client.MergeFrom(pair.DeepCopy())
		pair.Spec.Firewall.ConfigurationRef.Name = edge.Name
		Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(3*time.Minute))
})

var _ = Describe("A pair that cannot work", func() {
	It("is refused when two networks have the same name", func(ctx SpecContext) {
		pair := newPair("twice")
		pair.Spec.Networks = append(pair.Spec.Networks, pair.Spec.Networks[0])
		pair.Spec.Networks[2].VirtualAddresses = []string{"198.51.100.1/24"}
		Expect(k8s.Create(ctx, pair)).To(MatchError(ContainSubstring(`spec.networks[2]: Duplicate value`)))
	})

	It("is refused when a virtual address is invalid", func(ctx SpecContext) {
		pair := newPair("wrong")
		pair.Spec.Networks[0].VirtualAddresses = []string{"192.168.50.300/24"}
		Expect(k8s.Create(ctx, pair)).To(MatchError(And(
			ContainSubstring("spec.networks[0].virtualAddresses"), ContainSubstring("192.0.2.1/24 or 2001:db8::1/64"))))
	})

	It("waits for its SyncPolicy, reports that, and works once it exists", func(ctx SpecContext) {
		pair := newPair("waiting")
		pair.Spec.SyncPolicyRef = &hapairv1alpha1.SyncPolicyReference{Name: "later"}
		create(ctx, pair)
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		message := eventuallyCondition(ctx, key, hapairv1alpha1.ConditionReady, "False/ReferenceNotFound")
		Expect(message).To(ContainSubstring(`later`))
		Expect(unitPods(ctx, key)).To(BeEmpty())

		policy := &hapairv1alpha1.SyncPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "later"}}
		Expect(k8s.Create(ctx, policy)).To(Succeed())
		DeferCleanup(remove, policy)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		Eventually(func(ctx context.Context) []string {
			Expect(k8s.Get(ctx, client.ObjectKeyFromObject(policy), policy)).To(Succeed())
			return policy.Status.Pairs
		}).WithContext(ctx).Should(ConsistOf("waiting"))
	}, NodeTimeout(4*time.Minute))

	It("is not started with an invalid document", func(ctx SpecContext) {
		pair := newPair("undocumented")
		create(ctx, pair, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { spec.Zones[0].Interfaces[0] = "lanx" })
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		message := eventuallyCondition(ctx, key, hapairv1alpha1.ConditionReady, "False/ConfigurationInvalid")
		Expect(message).To(ContainSubstring("spec.zones[0].interfaces[0]"))
		Expect(unitPods(ctx, key)).To(BeEmpty())
	}, NodeTimeout(2*time.Minute))

	It("reports which attachment is missing", func(ctx SpecContext) {
		pair := newPair("detached")
		pair.Spec.Networks[0].Attachment.Multus.Name = "no-such-attachment"
		create(ctx, pair)
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		Eventually(func(ctx context.Context) string {
			return conditionOf(getPair(ctx, key), hapairv1alpha1.ConditionReady)
		}).WithContext(ctx).Should(HavePrefix("False/"))
		Eventually(func(ctx context.Context) string {
			var all string
			for _, c := range getPair(ctx, key).Status.Conditions {
				all += c.Message + "\n"
			}
			return all
		}).WithContext(ctx).Should(ContainSubstring("no-such-attachment"))
	}, NodeTimeout(3*time.Minute))

	It("reports that an attachment has no address left, with the words of the CNI plugin", func(ctx SpecContext) {
		full := &unstructured.Unstructured{}
		full.SetGroupVersionKind(schema.GroupVersionKind{
			Group: "k8s.cni.cncf.io", Version: "v1", Kind: "NetworkAttachmentDefinition",
		})
		full.SetNamespace("default")
		full.SetName("full")
		// The only address of the range is that of the gateway.
		full.Object["spec"] = map[string]any{"config": `{"cniVersion": "1.0.0", "name": "full", "type": "macvlan", ` +
			`"master": "lan0", "mode": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subnet": "198.18.0.0/24", ` +
			`"rangeStart": "198.18.0.1", "rangeEnd": "198.18.0.1", "gateway": "198.18.0.1"}]]}}`}
		Expect(k8s.Create(ctx, full)).To(Succeed())
		DeferCleanup(remove, full)
		pair := newPair("unaddressed")
		pair.Spec.Networks[0].Attachment.Multus.Name = "full"
		create(ctx, pair)
		DeferCleanup(remove, pair)
		Eventually(func(ctx context.Context) string {
			var all string
			for _, c := range getPair(ctx, client.ObjectKeyFromObject(pair)).Status.Conditions {
				all += c.Message + "\n"
			}
			return all
		}).WithContext(ctx).Should(ContainSubstring("no IP addresses available in range set"))
	}, NodeTimeout(3*time.Minute))
})

// waiting is how long a standby is watched that must not change. A kubelet delivers a new document within two seconds.
const waiting = 10 * time.Second

// enforced returns the hash of the document that a unit of the pair edge enforces, or an empty string.
func enforced(ctx context.Context, name hapairv1alpha1.Unit) string {
	GinkgoHelper()
	for _, unit := range getPair(ctx, edge).Status.Units {
		if unit.Name == name {
			return unit.ConfigurationHash
		}
	}
	return ""
}

// documentChange returns a channel that receives when a unit first reported that it enforces another document.
func documentChange(
	ctx context.Context, pair client.ObjectKey, unit hapairv1alpha1.Unit, before string,
) <-chan time.Time {
	GinkgoHelper()
	return firstMatch(ctx, pair, &hapairv1alpha1.HAUnitList{}, func(object any) bool {
		reported, ok := object.(*hapairv1alpha1.HAUnit)
		return ok && reported.Name == pair.Name+"-"+string(unit) && reported.Status.ConfigurationHash != before &&
			meta.IsStatusConditionTrue(reported.Status.Conditions, hapairv1alpha1.ConditionConfigurationApplied)
	})
}

// newPair returns a second pair on the networks of the sample, with its own addresses.
func newPair(name string) *hapairv1alpha1.HAPair {
	network := func(name string, addresses ...string) hapairv1alpha1.NetworkSpec {
		return hapairv1alpha1.NetworkSpec{
			Name: name, VirtualAddresses: addresses,
			Attachment: hapairv1alpha1.NetworkAttachment{Multus: &hapairv1alpha1.MultusAttachment{Name: name}},
		}
	}
	return &hapairv1alpha1.HAPair{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: hapairv1alpha1.HAPairSpec{
			Networks: []hapairv1alpha1.NetworkSpec{network("lan", "192.168.50.2/24"), network("wan", "203.0.113.2/24")},
			Failover: hapairv1alpha1.FailoverSpec{LeaseDurationSeconds: 3},
			Firewall: hapairv1alpha1.FirewallSpec{
				ConfigurationRef: &hapairv1alpha1.FirewallConfigurationReference{Name: name},
			},
		},
	}
}

// create creates a pair with its own configuration. The configuration has a zone for each network and the changes.
func create(
	ctx context.Context, pair *hapairv1alpha1.HAPair, changes ...func(*hapairv1alpha1.FirewallConfigurationSpec),
) {
	GinkgoHelper()
	configuration := &hapairv1alpha1.FirewallConfiguration{
		ObjectMeta: metav1.ObjectMeta{Namespace: pair.Namespace, Name: pair.Name},
		Spec: hapairv1alpha1.FirewallConfigurationSpec{Zones: []hapairv1alpha1.FirewallZone{
			{Name: "lan", Interfaces: []string{"lan"}}, {Name: "wan", Interfaces: []string{"wan"}},
		}},
	}
	for _, change := range changes {
		change(&configuration.Spec)
	}
	Expect(k8s.Create(ctx, configuration)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(k8s.Delete(ctx, configuration)).To(Succeed()) })
	Expect(k8s.Create(ctx, pair)).To(Succeed())
}

// changeFirewall edits the configuration of the sample.
func changeFirewall(ctx context.Context, edit func(*hapairv1alpha1.FirewallConfigurationSpec)) {
	GinkgoHelper()
	configuration := &hapairv1alpha1.FirewallConfiguration{}
	Expect(k8s.Get(ctx, edge, configuration)).To(Succeed())
	patch := client.MergeFrom(configuration.DeepCopy())
	edit(&configuration.Spec)
	Expect(k8s.Patch(ctx, configuration, patch)).To(Succeed())
}

// reach opens a new connection through the pair edge.
func reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	setup := scenario.Sample(k8s)
	server := netip.AddrPortFrom(setup.Server.Addr(), 7001)
	listener, err := namespace.Listen(ctx, setup.ServerNamespace, "tcp", server.String())
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	conn, err := namespace.Dial(ctx, setup.ClientNamespace, "tcp", server.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// remove deletes an object and waits until it is gone. For a pair it also waits for its pods.
func remove(ctx context.Context, object client.Object) {
	GinkgoHelper()
	Expect(client.IgnoreNotFound(k8s.Delete(ctx, object))).To(Succeed())
	Eventually(func(ctx context.Context) []corev1.Pod {
		pods := &corev1.PodList{}
		Expect(k8s.List(ctx, pods, client.InNamespace(object.GetNamespace()),
			client.MatchingLabels{hapairv1alpha1.LabelPair: object.GetName()})).To(Succeed())
		return pods.Items
	}).WithContext(ctx).Should(BeEmpty())
}
