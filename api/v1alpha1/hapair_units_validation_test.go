//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("The units of an HAPair", func() {
	DescribeTable("accept",
		func(ctx SpecContext, change pairChange) {
			pair := newPair()
			change(pair)
			Expect(trial.Create(ctx, pair)).To(Succeed())
		},
		Entry("labels and annotations", units(func(u *v1alpha1.UnitsSpec) {
			u.Metadata.Labels = map[string]string{"example.com/team": "edge", "app.kubernetes.io/part-of": "site"}
			u.Metadata.Annotations = map[string]string{"example.com/hapair.io": "x"}
		})),
		Entry("32 labels", units(func(u *v1alpha1.UnitsSpec) { u.Metadata.Labels = manyKeys(32) })),
		Entry("an affinity", units(func(u *v1alpha1.UnitsSpec) {
			u.Scheduling.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
					NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
						{Key: "example.com/edge", Operator: corev1.NodeSelectorOpExists},
					}}},
				},
			}}
		})),
		Entry("a spread across zones", units(func(u *v1alpha1.UnitsSpec) {
			u.Scheduling.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{
				{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule},
			}
		})),
		Entry("a runtime class", units(func(u *v1alpha1.UnitsSpec) { u.RuntimeClassName = "kata.example" })),
		Entry("pull secrets", units(func(u *v1alpha1.UnitsSpec) {
			u.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "a"}, {Name: "b"}}
		})),
		Entry("resources and log levels of each container", units(func(u *v1alpha1.UnitsSpec) {
			memory := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
			u.Sidecar = v1alpha1.ContainerSpec{LogLevel: v1alpha1.LogDebug}
			u.Firewall.Resources = corev1.ResourceRequirements{Requests: memory, Limits: memory}
		})),
	)

	DescribeTable("refuse",
		func(ctx SpecContext, field, remedy string, change pairChange) {
			pair := newPair()
			change(pair)
			expectRefusal(ctx, pair, "spec.units."+field, remedy)
		},
		Entry("a label of the operator", "metadata.labels", "use a prefix of your own, as in example.com/team",
			units(func(u *v1alpha1.UnitsSpec) { u.Metadata.Labels = map[string]string{v1alpha1.LabelPair: "other"} })),
		Entry("the label app.kubernetes.io/name", "metadata.labels", "or use app.kubernetes.io/part-of",
			units(func(u *v1alpha1.UnitsSpec) {
				u.Metadata.Labels = map[string]string{"app.kubernetes.io/managed-by": "me"}
			})),
		Entry("an annotation of the operator", "metadata.annotations", "use a prefix of your own",
			units(func(u *v1alpha1.UnitsSpec) {
				u.Metadata.Annotations = map[string]string{v1alpha1.AnnotationTemplateHash: "x"}
			})),
		Entry("the annotation of Multus", "metadata.annotations", "and add a network there",
			units(func(u *v1alpha1.UnitsSpec) {
				u.Metadata.Annotations = map[string]string{"k8s.v1.cni.cncf.io/networks": "lan"}
			})),
		Entry("the annotation of Multus for the pod network", "metadata.annotations", "v1.multus-cni.io/",
			units(func(u *v1alpha1.UnitsSpec) {
				u.Metadata.Annotations = map[string]string{"v1.multus-cni.io/default-network": "other/lan"}
			})),
		Entry("33 labels", "metadata.labels", "must have at most 32 items",
			units(func(u *v1alpha1.UnitsSpec) { u.Metadata.Labels = manyKeys(33) })),
		Entry("33 annotations", "metadata.annotations", "must have at most 32 items",
			units(func(u *v1alpha1.UnitsSpec) { u.Metadata.Annotations = manyKeys(33) })),
		Entry("nine spread constraints", "scheduling.topologySpreadConstraints", "must have at most 8 items",
			units(func(u *v1alpha1.UnitsSpec) {
				for key := range manyKeys(9) {
					u.Scheduling.TopologySpreadConstraints = append(u.Scheduling.TopologySpreadConstraints,
						corev1.TopologySpreadConstraint{
							MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.DoNotSchedule,
						})
				}
			})),
		Entry("a runtime class with an invalid name", "runtimeClassName", "as in kata",
			units(func(u *v1alpha1.UnitsSpec) { u.RuntimeClassName = "Kata" })),
		Entry("a runtime class with too long a name", "runtimeClassName", "may not be more than 253",
			units(func(u *v1alpha1.UnitsSpec) { u.RuntimeClassName = strings.Repeat("a", 254) })),
		Entry("a pull secret without a name", "imagePullSecrets[0]", "must be set, as in registry",
			units(func(u *v1alpha1.UnitsSpec) { u.ImagePullSecrets = []corev1.LocalObjectReference{{}} })),
		Entry("a pull secret twice", "imagePullSecrets[1]", "Duplicate value",
			units(func(u *v1alpha1.UnitsSpec) {
				u.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "a"}, {Name: "a"}}
			})),
		Entry("nine pull secrets", "imagePullSecrets", "must have at most 8 items",
			units(func(u *v1alpha1.UnitsSpec) {
				for key := range manyKeys(9) {
					u.ImagePullSecrets = append(u.ImagePullSecrets, corev1.LocalObjectReference{Name: key})
				}
			})),
		Entry("an unknown log level", "sidecar.logLevel", `supported values: "Info", "Debug"`,
			units(func(u *v1alpha1.UnitsSpec) { u.Sidecar.LogLevel = "Trace" })),
	)

	It("may change while the pair runs", func(ctx SpecContext) {
		pair := newPair()
		pair.Name = "changes"
		Expect(server.Create(ctx, pair)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, pair)).To(Succeed()) })

		strict := client.WithFieldValidation(server, metav1.FieldValidationStrict)
		for what, change := range map[string]pairChange{
			"networks":     networks(newNetwork("dmz", "198.51.100.1/24")),
			"virtual MAC":  virtualMACs(staticMAC("02:00:5e:10:00:01")),
			"image":        func(p *v1alpha1.HAPair) { p.Spec.Firewall.Image = "firewall.example/other:2" },
			"units":        units(func(u *v1alpha1.UnitsSpec) { u.RuntimeClassName = "kata" }),
			"failover":     lease(60),
			"service":      service(func(s *v1alpha1.ServiceSpec) { s.Type = corev1.ServiceTypeNodePort }),
			"policy":       func(p *v1alpha1.HAPair) { p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "x"} },
			"certificates": issuer(v1alpha1.IssuerReference{Name: "site"}),
			"upgrade":      upgrade(v1alpha1.UpgradeSupervised, 30),
			"pause":        func(p *v1alpha1.HAPair) { p.Spec.Paused = true },
		} {
			change(pair)
			Expect(strict.Update(ctx, pair)).To(Succeed(), what)
		}
	})
})

func units(change func(*v1alpha1.UnitsSpec)) pairChange {
	return func(p *v1alpha1.HAPair) { change(&p.Spec.Units) }
}

func manyKeys(n int) map[string]string {
	keys := map[string]string{}
	for i := range n {
		keys[fmt.Sprintf("key-%d", i)] = "x"
	}
	return keys
}
