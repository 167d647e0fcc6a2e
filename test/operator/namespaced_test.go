//go:build apiserver

package operator

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

// refusals records the requests that the API server forbids.
type refusals struct {
	mutex    sync.Mutex
	requests []string
}

func (r *refusals) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil && response.StatusCode == http.StatusForbidden {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.requests = append(r.requests, request.Method+" "+request.URL.Path)
		}
		return response, err
	})
}

func (r *refusals) list() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.requests)
}

// grantIn gives a user the rights of the operator in one namespace, as the chart does with watchNamespaces. No Role can
// contain the rights on nodes.
func grantIn(ctx context.Context, namespace, user string) {
	GinkgoHelper()
	content, err := os.ReadFile("../../config/rbac/role.yaml")
	Expect(err).NotTo(HaveOccurred())
	all := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(content, all)).To(Succeed())
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user}}
	for _, rule := range all.Rules {
		if !slices.Contains(rule.Resources, "nodes") {
			role.Rules = append(role.Rules, rule)
		}
	}
	Expect(role.Rules).To(HaveLen(len(all.Rules) - 1))
	Expect(admin.Create(ctx, role)).To(Succeed())
	Expect(admin.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

// startNamespaced starts an operator with rights in some namespaces only, until the spec ends.
func startNamespaced(ctx context.Context, user string, namespaces ...string) *refusals {
	GinkgoHelper()
	forbidden := &refusals{}
	limited := rest.CopyConfig(adminConfig)
	limited.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	limited.Wrap(forbidden.wrap)
	cached, err := trimmed.Options()
	Expect(err).NotTo(HaveOccurred())
	cached.DefaultNamespaces = map[string]cache.Config{}
	for _, namespace := range namespaces {
		grantIn(ctx, namespace, user)
		cached.DefaultNamespaces[namespace] = cache.Config{}
	}
	manager, _ := newOperator(limited, ctrl.Options{Cache: cached})
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
	})
	return forbidden
}

var _ = Describe("An operator with rights in some namespaces only", func() {
	// byOther returns a stage that the operator of the suite does not see.
	byOther := func(ctx context.Context) *stage {
		s := newStage(ctx)
		s.pair.Labels = map[string]string{labelByHand: ""}
		return s
	}

	for _, count := range []int{1, 2} {
		It(fmt.Sprintf("brings up the pairs of %d namespaces without a forbidden request", count), func(ctx SpecContext) {
			var stages []*stage
			var namespaces []string
			for range count {
				stages = append(stages, byOther(ctx))
				namespaces = append(namespaces, stages[len(stages)-1].namespace)
			}
			outside := byOther(ctx)
			forbidden := startNamespaced(ctx, fmt.Sprintf("namespaced-%d", count), namespaces...)
			for _, s := range append(stages, outside) {
				s.create(ctx)
			}
			for _, s := range stages {
				s.settle(ctx)
				Expect(s.endpoints(ctx)).To(HaveLen(1))
			}
			Expect(forbidden.list()).To(BeEmpty())
			Expect(outside.seen(ctx).Status.Conditions).To(BeEmpty(), "the pair of a namespace that is not watched")

			By("following changes of the spec and of the Lease")
			for _, s := range stages {
				s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service.Ports[0].TargetPort = 5454 })
				s.hold(ctx, v1alpha1.Secondary, 2)
				Eventually(func() string { return s.role(ctx, v1alpha1.Secondary) }).Should(Equal(v1alpha1.LabelRoleActive))
			}
			Expect(forbidden.list()).To(BeEmpty())
		}, SpecTimeout(time.Minute))
	}

	It("leaves the pod of a lost node to a person", func(ctx SpecContext) {
		s := byOther(ctx)
		forbidden := startNamespaced(ctx, "namespaced-lost", s.namespace)
		s.create(ctx)
		s.settle(ctx)
		lost := s.pod(ctx, v1alpha1.Secondary)
		Expect(admin.Delete(ctx, lost)).To(Succeed())
		DeferCleanup(clock.reset)
		clock.advance(2 * time.Minute)
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Paused = true })
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "delete the pod with --force")
		Expect(s.get(ctx, lost.Name, &corev1.Pod{})).To(Succeed())
		Expect(forbidden.list()).To(HaveEach("GET /api/v1/nodes/node-2"))
	}, SpecTimeout(time.Minute))
})
