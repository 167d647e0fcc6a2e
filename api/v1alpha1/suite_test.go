//go:build apiserver

package v1alpha1_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// The specs share a real API server with the CRDs of config/crd.
var (
	serverConfig *rest.Config
	server       client.Client
	// trial makes dry runs: the API server validates an object and returns what it would store, but stores nothing. No
	// case can disturb another.
	trial client.Client
)

func TestValidation(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "API validation")
}

var _ = BeforeSuite(func() {
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{"../../config/crd"},
		ErrorIfCRDPathMissing: true,
	}
	DeferCleanup(environment.Stop) // also when the start fails, since it may leave processes
	var err error
	serverConfig, err = environment.Start()
	Expect(err).NotTo(HaveOccurred(), "starting kube-apiserver and etcd from $KUBEBUILDER_ASSETS")

	scheme := runtime.NewScheme()
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	server, err = client.New(serverConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	trial = client.NewDryRunClient(server)
})
