//go:build apiserver

package operator

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
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
	"github.com/hapair-io/hapair/controllers/firewallconfiguration"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/controllers/syncpolicy"
	"github.com/hapair-io/hapair/controllers/trimmed"
	"github.com/hapair-io/hapair/internal/resources"
)

// The environment of every spec: an API server, and the operator with the rights that it is installed with.
var (
	adminConfig *rest.Config
	// admin has all rights. It acts for users, kubelets and units.
	admin client.Client
	// managerConfig is the configuration of a user with the rights of the operator.
	managerConfig *rest.Config
	// requests records the requests of that user.
	requests = newLedger()
	// operator is the reconciler that runs. Tests also call it, to check that it has nothing to do.
	operator *inTurn
)

// labelByHand marks pairs that the running operator does not see. Their tests run their own operator.
const labelByHand = "test.hapair.io/by-hand"

// attachmentDefinition returns the kind that Multus installs, as far as the operator reads it.
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

// grantRole gives the generated role to the operator's user, so that a missing right fails the suite.
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

func startOperator() {
	GinkgoHelper()
	others, err := labels.NewRequirement(labelByHand, selection.DoesNotExist, nil)
	Expect(err).NotTo(HaveOccurred())
	cached, err := trimmed.Options()
	Expect(err).NotTo(HaveOccurred())
	cached.ByObject[&v1alpha1.HAPair{}] = cache.ByObject{Label: labels.NewSelector().Add(*others)}

	var manager ctrl.Manager
	manager, operator = newOperator(managerConfig, ctrl.Options{Cache: cached})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
	})
}

// newOperator wires the controllers as internal/cli/manager does.
func newOperator(config *rest.Config, options ctrl.Options) (ctrl.Manager, *inTurn) {
	GinkgoHelper()
	options.Scheme = admin.Scheme()
	options.NewCache = trimmed.NewCache
	options.Client = client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}}
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = new(true) // there are several in this process
	manager, err := ctrl.NewManager(config, options)
	Expect(err).NotTo(HaveOccurred())
	pairs := &hapair.Reconciler{
		Client: counting{manager.GetClient(), requests},
		Live:   manager.GetAPIReader(),
		Events: manager.GetEventRecorder("hapair"),
		Images: images,
		Now:    clock.now,
	}
	turns := &inTurn{Reconciler: pairs}
	Expect(pairs.SetupAs(turns, manager)).To(Succeed())
	configurations := &firewallconfiguration.Reconciler{Client: manager.GetClient(), Now: time.Now}
	Expect(configurations.SetupWithManager(manager)).To(Succeed())
	policies := &syncpolicy.Reconciler{Client: manager.GetClient(), Now: time.Now, CostDelay: time.Millisecond}
	Expect(policies.SetupWithManager(manager)).To(Succeed())
	return manager, turns
}

// inTurn reconciles each pair once at a time. A manager never reconciles a pair twice at once, so a test that calls its
// reconciler must not do so either.
type inTurn struct {
	*hapair.Reconciler
	turns sync.Map // of *sync.Mutex by request
}

func (t *inTurn) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	turn, _ := t.turns.LoadOrStore(request, &sync.Mutex{})
	turn.(*sync.Mutex).Lock()
	defer turn.(*sync.Mutex).Unlock()
	return t.Reconciler.Reconcile(ctx, request)
}

var images = resources.Images{
	Sidecar: "example.test/sidecar:1", Firewall: "example.test/firewall:1", VPN: "example.test/vpn:1",
	Routing: "example.test/routing:1",
}

// startEnvironment starts the API server and the operator, until the suite ends.
func startEnvironment(ctx context.Context) {
	GinkgoHelper()
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{"../../config/crd"},
		ErrorIfCRDPathMissing: true,
		CRDs:                  []*apiextensionsv1.CustomResourceDefinition{attachmentDefinition()},
	}
	// A Service may have both IP families, and many pairs have many Services.
	environment.ControlPlane.GetAPIServer().Configure().
		Set("service-cluster-ip-range", "10.0.0.0/16,fd00:10::/112")
	DeferCleanup(environment.Stop) // also when the start fails, since it may leave processes
	var err error
	adminConfig, err = environment.Start()
	Expect(err).NotTo(HaveOccurred(), "starting kube-apiserver and etcd from $KUBEBUILDER_ASSETS")
	adminConfig.QPS = -1

	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	admin, err = client.New(adminConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())

	unthrottled := &rest.Config{QPS: -1} // as ctrl.GetConfig has it
	user, err := environment.AddUser(envtest.User{Name: "hapair-manager"}, unthrottled)
	Expect(err).NotTo(HaveOccurred())
	grantRole(ctx, "../../config/rbac/role.yaml", "hapair-manager")
	managerConfig = user.Config()
	managerConfig.Wrap(requests.wrap)
	startOperator()
}

// clock is the operator's clock. Tests advance it by hours.
var clock = &settableClock{}

type settableClock struct{ ahead atomic.Int64 }

func (c *settableClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *settableClock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func (c *settableClock) reset() { c.ahead.Store(0) }
