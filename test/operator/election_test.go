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

// replica is one of several operators of which one leads.
type replica struct {
	elected <-chan struct{}
	// warm is whether it has seen everything, so that it could lead.
	warm func() error
	// cut is set when the replica reaches the API server no more.
	cut atomic.Bool
	end func()
}

// newReplica starts one that cares for the pairs of one namespace, and finds its peers by a Lease in another.
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
	r.warm = func() error { return check(request) }
	Expect(r.warm()).To(MatchError(ContainSubstring("not synced yet")), "the replica has not started")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = manager.Start(ctx) // How a replica ends that was cut off is its own affair.
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
	It("lead one after the other, and what the second finds in order it leaves alone", func(ctx SpecContext) {
		office := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "office-"}}
		Expect(admin.Create(ctx, office)).To(Succeed())
		s := newStage(ctx)
		s.pair.Labels = map[string]string{labelByHand: ""}
		first := newReplica(s.namespace, office.Name)
		Eventually(first.elected).Should(BeClosed())
		second := newReplica(s.namespace, office.Name)

		s.create(ctx)
		s.settle(ctx)
		quiet := func() int { return asked.in(s.namespace).writes }
		Eventually(func() int {
			before := quiet()
			Consistently(quiet).Should(BeNumerically(">=", before))
			return quiet() - before
		}).Should(BeZero())
		Eventually(second.warm).Should(Succeed())
		Expect(second.elected).NotTo(BeClosed())
		before := s.versions(ctx)
		written := quiet()

		By("killing the one that leads, which gives nothing up")
		killed := time.Now()
		first.cut.Store(true)
		Eventually(second.elected).WithTimeout(3 * leadsFor).Should(BeClosed())
		took := time.Since(killed)
		AddReportEntry("the second leads after", took.String())
		Expect(took).To(BeNumerically(">", leadsFor-2*triesEvery), "it took the lead while the first might still have led")
		Expect(took).To(BeNumerically("<", leadsFor+4*triesEvery))
		Consistently(quiet).WithTimeout(2 * time.Second).Should(Equal(written))
		Expect(s.versions(ctx)).To(Equal(before), "something was written again, or undone")

		By("having the second go on")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(apierrors.IsNotFound(s.get(ctx, "edge", &corev1.Service{}))).To(BeTrue())
	})
})

// versions are all objects of the pair with the version that each has.
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
