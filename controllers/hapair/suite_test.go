//go:build apiserver

package hapair_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/controllers/syncpolicy"
	"github.com/hapair-io/hapair/internal/resources"
)

// What every spec talks to: a real API server, on which the operator runs with the rights that it is installed with.
var (
	adminConfig *rest.Config
	// admin may do everything, and stands for users, the kubelets and the units.
	admin client.Client
	// operator is what runs; specs call it themselves to see that it has nothing to do.
	operator *hapair.Reconciler
	writes   *writeCounter
)

func TestController(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(10 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "HAPair controller")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{"../../config/crd"},
		ErrorIfCRDPathMissing: true,
		CRDs:                  []*apiextensionsv1.CustomResourceDefinition{attachmentDefinition()},
	}
	// Of both IP families, as a Service may be.
	environment.ControlPlane.GetAPIServer().Configure().
		Set("service-cluster-ip-range", "10.0.0.0/24,fd00:10::/112")
	var err error
	adminConfig, err = environment.Start()
	Expect(err).NotTo(HaveOccurred(), "starting kube-apiserver and etcd from $KUBEBUILDER_ASSETS")
	DeferCleanup(environment.Stop)

	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	admin, err = client.New(adminConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())

	unthrottled := &rest.Config{QPS: -1} // as ctrl.GetConfig has it
	user, err := environment.AddUser(envtest.User{Name: "hapair-manager"}, unthrottled)
	Expect(err).NotTo(HaveOccurred())
	grantRole(ctx, "../../config/rbac/role.yaml", "hapair-manager")
	startOperator(user.Config(), scheme)
}, NodeTimeout(2*time.Minute))

// attachmentDefinition is the kind that Multus brings along, as far as the operator looks at it.
func attachmentDefinition() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "network-attachment-definitions.k8s.cni.cncf.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "k8s.cni.cncf.io",
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: "network-attachment-definitions", Kind: "NetworkAttachmentDefinition",
			},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"},
				},
			}},
		},
	}
}

// grantRole gives the generated role to the operator's user, so that a right that is missing in it fails the suite.
func grantRole(ctx context.Context, file, user string) {
	GinkgoHelper()
	content, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(content, role)).To(Succeed())
	Expect(admin.Create(ctx, role)).To(Succeed())
	Expect(admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

func startOperator(config *rest.Config, scheme *runtime.Scheme) {
	GinkgoHelper()
	writes = &writeCounter{}
	config.Wrap(writes.wrap)
	cached, err := hapair.CachedObjects()
	Expect(err).NotTo(HaveOccurred())
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ByObject: cached},
		Client:  client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	Expect(err).NotTo(HaveOccurred())
	operator = &hapair.Reconciler{
		Client: manager.GetClient(),
		Live:   manager.GetAPIReader(),
		Events: manager.GetEventRecorder("hapair"),
		Images: resources.Images{Sidecar: "example.test/sidecar:1", Firewall: "example.test/firewall:1"},
		Now:    clock.now,
	}
	Expect(operator.SetupWithManager(manager)).To(Succeed())
	policies := &syncpolicy.Reconciler{Client: manager.GetClient(), Now: time.Now}
	Expect(policies.SetupWithManager(manager)).To(Succeed())

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
	})
}

// writeCounter counts what the operator asks the API server to change, by namespace; Events apart, which change
// nothing.
type writeCounter struct {
	mark  atomic.Pointer[string]
	count atomic.Int64
}

func (w *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if mark := w.mark.Load(); mark != nil && request.Method != http.MethodGet &&
			strings.Contains(request.URL.Path, "/namespaces/"+*mark+"/") &&
			!strings.HasPrefix(request.URL.Path, "/apis/events.k8s.io/") {
			w.count.Add(1)
			GinkgoWriter.Printf("write: %s %s\n", request.Method, request.URL.Path)
		}
		return next.RoundTrip(request)
	})
}

// watch begins to count the writes to a namespace.
func (w *writeCounter) watch(namespace string) {
	w.mark.Store(&namespace)
	w.count.Store(0)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
