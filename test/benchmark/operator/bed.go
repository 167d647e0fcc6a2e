package operator

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/benchmark/internal/apiserver"
	"github.com/hapair-io/hapair/test/benchmark/internal/machine"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// operatorNamespace and account are who the operator is.
	operatorNamespace, account = "hapair-system", "hapair-manager"
	// metricsAddress is where the operator tells its metrics.
	metricsAddress = "127.0.0.1:8443"
	// perNamespace is how many pairs share a namespace.
	perNamespace = 100
)

// bed is the API server and the operator.
type bed struct {
	t         testing.TB
	o         Options
	directory string
	namespace *testbed.Namespace
	server    *apiserver.Server
	// admin stands for users, the scheduler, the kubelets and the units.
	admin   client.WithWatch
	manager *process.Process
}

func newBed(t testing.TB, o Options) *bed {
	t.Helper()
	b := &bed{t: t, o: o, directory: machine.Lock(t), namespace: testbed.NewNamespace(t, "operator")}
	b.server = apiserver.Start(t, b.namespace, netip.MustParseAddr("127.0.0.1"),
		filepath.Join(o.Bin, "kubernetes-assets"), b.directory)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.admin, err = client.NewWithWatch(b.server.AdminConfig(), client.Options{Scheme: scheme}); err != nil {
		t.Fatalf("Making a client: %v", err)
	}
	b.install()
	return b
}

// install puts the CRDs, the operator's rights and its ServiceAccount where a release has them.
func (b *bed) install() {
	b.t.Helper()
	ctx := b.t.Context()
	checkout := filepath.Dir(b.o.Bin)
	err := b.server.InstallCRDs(ctx, checkout, "firewallconfigurations", "hapairs", "haunits", "syncpolicies")
	if err != nil {
		b.t.Fatalf("Installing the CRDs: %v", err)
	}
	role := &rbacv1.ClusterRole{}
	b.read(filepath.Join(checkout, "config/rbac/role.yaml"), role)
	at := metav1.ObjectMeta{Namespace: operatorNamespace, Name: account}
	for _, object := range []client.Object{
		role,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}},
		&corev1.ServiceAccount{ObjectMeta: at},
		binding(account, role.Name), binding("metrics", "system:auth-delegator"),
	} {
		b.create(ctx, object)
	}
	if err := b.server.Kubeconfig(ctx, operatorNamespace, account, b.kubeconfig()); err != nil {
		b.t.Fatal(err)
	}
}

func binding(name, role string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: account}},
	}
}

func (b *bed) read(file string, object client.Object) {
	b.t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.UnmarshalStrict(text, object)
	}
	if err != nil {
		b.t.Fatalf("Reading what is installed: %v", err)
	}
}

func (b *bed) create(ctx context.Context, object client.Object) {
	b.t.Helper()
	if err := b.admin.Create(ctx, object); err != nil {
		b.t.Fatalf("Creating %T %s: %v", object, object.GetName(), err)
	}
}

func (b *bed) kubeconfig() string { return filepath.Join(b.directory, "kubeconfig") }

// startOperator starts the operator, and with it its counters from nothing.
func (b *bed) startOperator() {
	b.t.Helper()
	command := exec.Command(filepath.Join(b.o.Bin, "manager"),
		"--sidecar-image=bench.test/sidecar:1", "--firewall-image=bench.test/firewall:1",
		"--health-probe-bind-address=0", "--metrics-bind-address="+metricsAddress)
	command.Env = append(os.Environ(), "KUBECONFIG="+b.kubeconfig())
	b.manager = process.Start(b.t, namespace.Named(b.namespace.Name), filepath.Join(b.directory, "manager.log"), command)
}

// await waits for something, as long as the options allow.
func (b *bed) await(ctx context.Context, what string, ask func(context.Context) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	if err := poll.Until(ctx, 50*time.Millisecond, what, ask); err != nil {
		b.t.Fatalf("Waiting for %s: %v", what, err)
	}
}

func (b *bed) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.o.Progress, format+"\n", args...)
}
