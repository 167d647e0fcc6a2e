//go:build apiserver

package operator

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("A pair with a tunnel", func() {
	const canary = "canary-6f1d"

	It("gets an IKE daemon once the Secret has its key, which is written nowhere else", func(ctx SpecContext) {
		s := newStage(ctx)
		rules := newFirewall(s.namespace, "rules", "Accept")
		rules.Spec.Zones = append(rules.Spec.Zones, v1alpha1.FirewallZone{Name: "far", Interfaces: []string{"ipsec0"}})
		rules.Spec.VPN = &v1alpha1.FirewallVPN{SiteToSite: []v1alpha1.SiteToSite{{
			Name: "branch", LocalAddress: "203.0.113.1", RemoteAddress: "198.51.100.9",
			PresharedKey:  &v1alpha1.VPNPresharedKey{Key: "branch"},
			LocalNetworks: []string{"192.168.50.0/24"}, RemoteNetworks: []string{"10.77.0.0/24"},
		}}}
		Expect(admin.Create(ctx, rules)).To(Succeed())
		s.pair.Spec.Firewall.ConfigurationRef = named("rules")
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid,
			"spec.vpn: the units have no IKE daemon", "set spec.vpn of the HAPair")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.VPN = &v1alpha1.VPNSpec{SecretName: "edge-vpn"} })
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid,
			"spec.vpn.siteToSite[0].presharedKey.key", "Secret edge-vpn", `no entry "branch"`)
		pods := &corev1.PodList{}
		Expect(admin.List(ctx, pods, client.InNamespace(s.namespace))).To(Succeed())
		Expect(pods.Items).To(BeEmpty())

		Expect(admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "edge-vpn"},
			StringData: map[string]string{"branch": canary},
		})).To(Succeed())
		// The operator does not watch the Secret. A change of the pair spares the test the wait.
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Failover.MissedHeartbeats = 4 })
		pod := s.pod(ctx, v1alpha1.Primary)
		Expect(pod.Spec.Containers).To(ContainElement(And(
			HaveField("Name", "vpn"), HaveField("Image", "example.test/vpn:1"))))

		given := &corev1.ConfigMap{}
		s.eventuallyGet(ctx, "edge-firewall", given)
		Expect(given.Data["firewall.json"]).To(ContainSubstring("siteToSite"))
		for _, object := range []any{pod, given, s.seen(ctx)} {
			Expect(json.Marshal(object)).NotTo(ContainSubstring(canary))
		}
	})
})
