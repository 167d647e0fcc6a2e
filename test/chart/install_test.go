//go:build apiserver

package chart

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// TestInstallation installs, upgrades and uninstalls one release on a real API server. No node exists, so no operator
// runs.
func TestInstallation(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Chart installation")
}

var _ = Describe("A release", Ordered, func() {
	var (
		config     *rest.Config
		admin      client.Client
		kubeconfig string
	)

	// run calls helm as an administrator of the cluster.
	run := func(arguments ...string) {
		GinkgoHelper()
		_, err := helm(GinkgoTB(), append(arguments, "--kubeconfig", kubeconfig, "--namespace", namespace)...)
		Expect(err).NotTo(HaveOccurred())
	}
	// operator returns a client with only the rights of the release's ServiceAccount.
	operator := func() client.Client {
		GinkgoHelper()
		limited := rest.CopyConfig(config)
		limited.Impersonate.UserName = "system:serviceaccount:" + namespace + ":hapair-manager"
		limited.Impersonate.Groups = []string{"system:serviceaccounts", "system:authenticated"}
		c, err := client.New(limited, client.Options{Scheme: newScheme(), FieldOwner: "hapair"})
		Expect(err).NotTo(HaveOccurred())
		return c
	}

	BeforeAll(func() {
		environment := &envtest.Environment{}
		DeferCleanup(environment.Stop) // also when the start fails, since it may leave processes
		var err error
		config, err = environment.Start()
		Expect(err).NotTo(HaveOccurred(), "starting kube-apiserver and etcd from $KUBEBUILDER_ASSETS")
		kubeconfig = filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(os.WriteFile(kubeconfig, environment.KubeConfig, 0o600)).To(Succeed())
		admin, err = client.New(config, client.Options{Scheme: newScheme()})
		Expect(err).NotTo(HaveOccurred())
	})

	It("installs", func(ctx SpecContext) {
		run("install", release, root+"/charts/hapair", "--create-namespace")
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "hapair-manager"}, &appsv1.Deployment{})).
			To(Succeed())
		Eventually(crdServed).WithContext(ctx).WithArguments(admin, "firewallconfigurations.hapair.io").Should(BeTrue())
		Eventually(crdServed).WithContext(ctx).WithArguments(admin, "hapairs.hapair.io").Should(BeTrue())
		Eventually(crdServed).WithContext(ctx).WithArguments(admin, "syncpolicies.hapair.io").Should(BeTrue())
	})

	It("is as the chart declares it for a server-side diff", func(ctx SpecContext) {
		expectNoDifference(ctx, admin)
	})

	It("lets the operator grant the rights of the units, which requires that it has them itself", func(ctx SpecContext) {
		pair := &v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "edge", UID: "1"}}
		for _, unit := range v1alpha1.Units() {
			Expect(operator().Apply(ctx, resources.ServiceAccount(pair, unit))).To(Succeed())
			Expect(operator().Apply(ctx, resources.Role(pair, unit))).To(Succeed())
			Expect(operator().Apply(ctx, resources.RoleBinding(pair, unit))).To(Succeed())
		}
	})

	It("reserves capacity of the API server for the units' Leases", func(ctx SpecContext) {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "edge"}}
		Expect(admin.Create(ctx, lease)).To(Succeed())
		schema, level := &flowcontrolv1.FlowSchema{}, &flowcontrolv1.PriorityLevelConfiguration{}
		Expect(admin.Get(ctx, client.ObjectKey{Name: "hapair-leases"}, schema)).To(Succeed())
		Expect(admin.Get(ctx, client.ObjectKey{Name: "hapair-leases"}, level)).To(Succeed())

		unit := newProgram(ctx, config, admin, "default", "edge-primary")
		reserved := And(HaveField("Schema", schema.UID), HaveField("Level", level.UID))
		// The API server uses a new schema after a moment.
		Eventually(unit.get).WithContext(ctx).WithArguments(lease).Should(reserved)
		Expect(unit.update(ctx, lease)).To(reserved)
		Expect(unit.watch(ctx, lease)).To(reserved)

		By("leaving all other requests in their levels")
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "edge-primary"}}
		Expect(unit.get(ctx, pod)).To(Equal(classOf(ctx, admin, "service-accounts")))
		Expect(admin.Create(ctx, &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "controller"},
		})).To(Succeed())
		builtin := newProgram(ctx, config, admin, metav1.NamespaceSystem, "controller")
		Expect(builtin.get(ctx, lease)).To(Equal(classOf(ctx, admin, "system-leader-election")))
	})

	It("does not let the operator delete pairs, list nodes or create cluster roles", func(ctx SpecContext) {
		for _, forbidden := range []error{
			operator().Delete(ctx, &v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "edge"}}),
			operator().List(ctx, &corev1.NodeList{}),
			operator().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "more"}}),
		} {
			Expect(apierrors.IsForbidden(forbidden)).To(BeTrue(), "got: %v", forbidden)
		}
	})

	It("limits the operator to some namespaces", func(ctx SpecContext) {
		values := []string{
			"--set", "watchNamespaces={default},metrics.port=8080,logging.verbosity=1,tolerations[0].operator=Exists",
		}
		run(append([]string{"upgrade", release, root + "/charts/hapair"}, values...)...)
		expectNoDifference(ctx, admin, values...)
		here, elsewhere := client.InNamespace("default"), client.InNamespace(metav1.NamespaceSystem)
		Eventually(func() bool { return apierrors.IsForbidden(operator().List(ctx, &corev1.SecretList{}, elsewhere)) }).
			Should(BeTrue(), "read the Secrets of another namespace")
		Expect(operator().List(ctx, &corev1.SecretList{}, here)).To(Succeed())
		Expect(operator().List(ctx, &v1alpha1.HAPairList{}, here)).To(Succeed())
	})

	It("upgrades the CRDs", func(ctx SpecContext) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		Expect(admin.Get(ctx, client.ObjectKey{Name: "hapairs.hapair.io"}, crd)).To(Succeed())
		before := client.MergeFrom(crd.DeepCopy())
		crd.Spec.Names.ShortNames = []string{"old"}
		Expect(admin.Patch(ctx, crd, before)).To(Succeed())

		run("upgrade", release, root+"/charts/hapair", "--set", "replicas=1", "--force-conflicts")
		Expect(admin.Get(ctx, client.ObjectKey{Name: "hapairs.hapair.io"}, crd)).To(Succeed())
		Expect(crd.Spec.Names.ShortNames).To(Equal([]string{"hap"}))
	})

	It("keeps the CRDs, and with them the pairs, when it is uninstalled", func(ctx SpecContext) {
		run("uninstall", release)
		err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "hapair-manager"}, &corev1.ServiceAccount{})
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "got: %v", err)
		Expect(crdServed(ctx, admin, "firewallconfigurations.hapair.io")).To(BeTrue())
		Expect(crdServed(ctx, admin, "hapairs.hapair.io")).To(BeTrue())
		Expect(crdServed(ctx, admin, "syncpolicies.hapair.io")).To(BeTrue())
	})

	It("installs again with the kept CRDs in place", func() {
		run("install", release, root+"/charts/hapair")
	})
})

func newScheme() *runtime.Scheme {
	scheme := kubernetesScheme()
	ExpectWithOffset(1, v1alpha1.AddToScheme(scheme)).To(Succeed())
	return scheme
}

func crdServed(ctx context.Context, admin client.Client, name string) (bool, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := admin.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
		return false, err
	}
	for _, condition := range crd.Status.Conditions {
		if condition.Type == apiextensionsv1.Established {
			return condition.Status == apiextensionsv1.ConditionTrue, nil
		}
	}
	return false, nil
}
