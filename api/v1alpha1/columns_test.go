//go:build apiserver

package v1alpha1_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("kubectl get", func() {
	It("shows the active unit and the redundancy of a pair", func(ctx SpecContext) {
		pair := newPair()
		pair.Name = "columns"
		Expect(server.Create(ctx, pair)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, pair)).To(Succeed()) })
		pair.Status = v1alpha1.HAPairStatus{Active: v1alpha1.Secondary, Standby: v1alpha1.Primary, Term: 7}
		setCondition(&pair.Status.Conditions, v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync)
		setCondition(&pair.Status.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		setCondition(&pair.Status.Conditions, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyReady)
		setCondition(&pair.Status.Conditions, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplied)
		Expect(server.Status().Update(ctx, pair)).To(Succeed())

		names, cells := table(ctx, pair, "hapairs")
		Expect(names).To(Equal([]string{
			"Name", "Active", "Standby", "Term", "Synchronized", "Ready", "Age",
			"Redundant", "Applied", "Reconciling", "Stalled", "Configuration", "Changed", "Cause",
		}))
		Expect(cells[7:9]).To(HaveExactElements("True", "True"))
		Expect(cells[11]).To(Equal("edge"))
		Expect(cells[:6]).To(HaveExactElements("columns", "secondary", "primary", BeNumerically("==", 7), "True", "True"))
	})

	It("shows whether a policy is accepted and which pairs use it", func(ctx SpecContext) {
		policy := newPolicy()
		policy.Name = "columns"
		Expect(server.Create(ctx, policy)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, policy)).To(Succeed()) })
		policy.Status.Pairs = []string{"east", "west"}
		policy.Status.Classes = []v1alpha1.ClassCost{
			{Name: "ARP"}, {Name: "ConnectionCache", Entries: 5000, BytesPerSecond: 700},
		}
		setCondition(&policy.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonValid)
		Expect(server.Status().Update(ctx, policy)).To(Succeed())

		names, cells := table(ctx, policy, "syncpolicies")
		Expect(names).To(Equal([]string{
			"Name", "Accepted", "Pairs", "Classes", "Records/s", "Kbit/s", "Connections", "Bytes/s", "Message", "Age",
		}))
		Expect(cells[:3]).To(HaveExactElements("columns", "True", `["east","west"]`))
		Expect(cells[6:8]).To(HaveExactElements(BeNumerically("==", 5000), BeNumerically("==", 700)))
	})

	It("shows the role, the term and the first fault of a unit, and more with -o wide", func(ctx SpecContext) {
		unit := newUnit()
		Expect(server.Create(ctx, unit)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, unit)).To(Succeed()) })
		unit.Status = newUnitStatus()
		setCondition(&unit.Status.Conditions, v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync)
		Expect(server.Status().Update(ctx, unit)).To(Succeed())

		names, cells := table(ctx, unit, "haunits")
		Expect(names).To(Equal([]string{
			"Name", "Pair", "Unit", "Role", "Term", "Synchronized", "Unhealthy", "Age",
			"Fence", "Configuration", "Promoted", "Cause",
		}))
		Expect(cells[:7]).To(HaveExactElements("edge-primary", "edge", "primary", "Active", BeNumerically("==", 7),
			"True", "probe/gateway"))
		Expect(cells[8:10]).To(HaveExactElements("BPF", unit.Status.ConfigurationHash))
		Expect(cells[11]).To(Equal("Silence"))
	})

	It("finds the kinds by their short names and categories", func(ctx SpecContext) {
		resources := &metav1.APIResourceList{}
		Expect(restClient().Get().AbsPath("/apis/hapair.io/v1alpha1").Do(ctx).Into(resources)).To(Succeed())
		short, categories := map[string][]string{}, map[string][]string{}
		for _, r := range resources.APIResources {
			short[r.Name], categories[r.Name] = r.ShortNames, r.Categories
		}
		Expect(short).To(HaveKeyWithValue("firewallconfigurations", []string{"fwc"}))
		Expect(short).To(HaveKeyWithValue("hapairs", []string{"hap"}))
		Expect(short).To(HaveKeyWithValue("syncpolicies", []string{"syncpol"}))
		Expect(short).To(HaveKeyWithValue("haunits", []string{"hau"}))
		Expect(categories).To(HaveKeyWithValue("haunits", []string{"firewall"}))
		Expect(categories).To(HaveKeyWithValue("firewallconfigurations", []string{"firewall"}))
		Expect(categories).To(HaveKeyWithValue("hapairs", []string{"firewall"}))
		Expect(categories).To(HaveKeyWithValue("syncpolicies", []string{"firewall"}))
	})
})

func setCondition(conditions *[]metav1.Condition, kind, reason string) {
	meta.SetStatusCondition(conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason})
}

// table requests an object as kubectl does: as a table with the columns that the server chooses.
func table(ctx context.Context, object client.Object, resource string) (names []string, cells []any) {
	answer := &metav1.Table{}
	ExpectWithOffset(1, restClient().Get().AbsPath("/apis/hapair.io/v1alpha1").
		Namespace(object.GetNamespace()).Resource(resource).Name(object.GetName()).
		SetHeader("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1").
		Do(ctx).Into(answer)).To(Succeed())
	for _, column := range answer.ColumnDefinitions {
		names = append(names, column.Name)
	}
	ExpectWithOffset(1, answer.Rows).To(HaveLen(1))
	return names, answer.Rows[0].Cells
}

func restClient() rest.Interface {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	ExpectWithOffset(2, metav1.AddMetaToScheme(scheme)).To(Succeed())
	config := rest.CopyConfig(serverConfig)
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	raw, err := rest.UnversionedRESTClientFor(config)
	ExpectWithOffset(2, err).NotTo(HaveOccurred())
	return raw
}
