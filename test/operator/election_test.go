//go:build apiserver

package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

// The terms of the election here, shorter than those that the operator is installed with.
const (
	leadsFor   = 4 * time.Second
	renewsFor  = 3 * time.Second
	triesEvery = 500 * time.Millisecond
)

// replica is one of several operators. One of them leads.
type replica struct {
	elected <-chan struct{}
	// synced returns an error until the caches of the replica are synced, so that it could lead.
	synced func() error
	// cut is set when the replica no longer reaches the API server.
	cut atomic.Bool
	end func()
}

// newReplica starts an operator for the pairs of one namespace. The Lease of the election is in the namespace office.
func newReplica(namespace, office string) *replica {
	GinkgoHelper()
	r := &replica{}
	config := rest.CopyConfig(managerConfig)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if r.cut.Load() {
				return nil, errors.New("the cable is cut")
			}
			return next.RoundTrip(request)
		})
	})
	cached, err := trimmed.Options()
	Expect(err).NotTo(HaveOccurred())
	cached.DefaultFieldSelector = fields.OneTermEqualSelector("metadata.namespace", namespace)
	manager, _ := newOperator(config, ctrl.Options{
		Cache:                   cached,
		LeaderElection:          true,
		LeaderElectionID:        "hapair-manager",
		LeaderElectionNamespace: office,
		LeaseDuration:           new(leadsFor), RenewDeadline: new(renewsFor), RetryPeriod: new(triesEvery),
		GracefulShutdownTimeout: new(time.Duration(0)),
	})
	request, check := &http.Request{}, hapair.CachesSynced(manager.GetCache())
	r.synced = func() error { return check(request) }
	Expect(r.synced()).To(MatchError(ContainSubstring("not synced yet")), "the replica has not started")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = manager.Start(ctx) // A replica that was cut off may end with any error.
	}()
	r.elected = manager.Elected()
	r.end = func() {
		cancel()
		<-ended
	}
	DeferCleanup(r.end)
	return r
}

var _ = Describe("Two operators", func() {
	It("lead one after the other, and the second changes nothing that is in order", func(ctx SpecContext) {
		office := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "office-"}}
		Expect(admin.Create(ctx, office)).To(Succeed())
		s := newStage(ctx)
		s.pair.Labels = map[string]string{labelByHand: ""}
		first := newReplica(s.namespace, office.Name)
		Eventually(first.elected).Should(BeClosed())
		second := newReplica(s.namespace, office.Name)

		s.create(ctx)
		s.settle(ctx)
		quiet := func() int { return requests.in(s.namespace).writes }
		Eventually(func() int {
			before := quiet()
			Consistently(quiet).Should(BeNumerically(">=", before))
			return quiet() - before
		}).Should(BeZero())
		Eventually(second.synced).Should(Succeed())
		Expect(second.elected).NotTo(BeClosed())
		before := s.versions(ctx)
		written := quiet()

		By("cutting off the one that leads, which releases nothing")
		killed := time.Now()
		first.cut.Store(true)
		Eventually(second.elected).WithTimeout(3 * leadsFor).Should(BeClosed())
		took := time.Since(killed)
		AddReportEntry("the second leads after", took.String())
		Expect(took).To(BeNumerically(">", leadsFor-2*triesEvery), "it took the lead while the first might still have led")
		Expect(took).To(BeNumerically("<", leadsFor+4*triesEvery))
		Consistently(quiet).WithTimeout(2 * time.Second).Should(Equal(written))
		Expect(s.versions(ctx)).To(Equal(before), "an object was written again")

		By("letting the second act")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(apierrors.IsNotFound(s.get(ctx, "edge", &corev1.Service{}))).To(BeTrue())
	})
})

// versions returns the resource version of each object of the pair.
func (s *stage) versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	found := map[string]string{}
	for _, list := range append(kinds(), &v1alpha1.HAPairList{}) {
		Expect(admin.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
		for _, object := range itemsOf(list) {
			found[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
		}
	}
	return found
}
