//go:build apiserver

package lease

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/hapair-io/hapair/internal/ha"
)

var (
	serverConfig *rest.Config
	admin        kubernetes.Interface
)

func TestWitness(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Witness")
}

var _ = BeforeSuite(func() {
	environment := &envtest.Environment{}
	DeferCleanup(environment.Stop) // a start that fails half-way leaves processes too
	var err error
	serverConfig, err = environment.Start()
	Expect(err).NotTo(HaveOccurred(), "starting kube-apiserver and etcd from $KUBEBUILDER_ASSETS")
	admin, err = kubernetes.NewForConfig(serverConfig)
	Expect(err).NotTo(HaveOccurred())
})

// newLease makes a Lease as the operator does, with no spec, and a client for each of two units.
func newLease(ctx context.Context, name string) (primary, secondary *Client) {
	GinkgoHelper()
	_, err := admin.CoordinationV1().Leases("default").Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"hapair.io/pair": name}},
	}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	clients := make([]*Client, 2)
	for i := range clients {
		clients[i], err = New(serverConfig, Config{
			Namespace: "default", Name: name, Timeout: 5 * time.Second, Silence: time.Minute, Log: logr.Discard(),
		})
		Expect(err).NotTo(HaveOccurred())
	}
	return clients[0], clients[1]
}

var _ = Describe("the Lease of a pair", func() {
	It("lets one of two candidates win", func(ctx SpecContext) {
		primary, secondary := newLease(ctx, "one-winner")
		outcome, seen := primary.Read(ctx)
		Expect(outcome).To(Equal(ha.Read))
		Expect(seen.Holder).To(Equal(ha.Nobody))
		Expect(seen.Term).To(BeZero())
		_, theirs := secondary.Read(ctx)

		outcome, written := primary.Write(ctx, ha.Record{
			Version: seen.Version, Holder: "primary/a/1", Term: 1, Duration: 3 * time.Second,
		})
		Expect(outcome).To(Equal(ha.Written))
		Expect(written.Version).NotTo(Equal(seen.Version))

		outcome, _ = secondary.Write(ctx, held(theirs, "secondary/b/1", 1))
		Expect(outcome).To(Equal(ha.Conflict))
		outcome, theirs = secondary.Read(ctx)
		Expect(outcome).To(Equal(ha.Read))
		Expect(theirs).To(Equal(written))
	})

	It("keeps what others wrote on it, and its release apart from being emptied by hand", func(ctx SpecContext) {
		primary, _ := newLease(ctx, "release")
		_, seen := primary.Read(ctx)
		_, old := primary.Write(ctx, held(seen, "primary/a/1", 1))
		outcome, free := primary.Write(ctx, ha.Record{
			Version: old.Version, Giver: "primary/a/1", Term: 1, Duration: time.Second,
		})
		Expect(outcome).To(Equal(ha.Written))
		Expect(free.Holder).To(Equal(ha.Nobody))
		Expect(free.Giver).To(Equal(ha.Incarnation("primary/a/1")))
		l, err := admin.CoordinationV1().Leases("default").Get(ctx, "release", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Labels).To(HaveKeyWithValue("hapair.io/pair", "release"))
		outcome, again := primary.Write(ctx, held(free, "primary/a/1", 2))
		Expect(outcome).To(Equal(ha.Written))
		Expect(again.Giver).To(Equal(ha.Nobody))
	})

	It("conflicts when somebody touches its labels, and goes on after a read", func(ctx SpecContext) {
		primary, _ := newLease(ctx, "labels")
		_, seen := primary.Read(ctx)
		l, err := admin.CoordinationV1().Leases("default").Get(ctx, "labels", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		l.Labels["touched"] = "yes"
		_, err = admin.CoordinationV1().Leases("default").Update(ctx, l, metav1.UpdateOptions{})
		Expect(err).NotTo(HaveOccurred())
		outcome, _ := primary.Write(ctx, held(seen, "primary/a/1", 1))
		Expect(outcome).To(Equal(ha.Conflict))
		_, seen = primary.Read(ctx)
		outcome, _ = primary.Write(ctx, held(seen, "primary/a/1", 1))
		Expect(outcome).To(Equal(ha.Written))
	})

	It("is absent when it was deleted, and watched again when it is created again", func(ctx SpecContext) {
		primary, _ := newLease(ctx, "deleted")
		_, seen := primary.Read(ctx)
		Expect(admin.CoordinationV1().Leases("default").Delete(ctx, "deleted", metav1.DeleteOptions{})).To(Succeed())
		outcome, _ := primary.Write(ctx, held(seen, "primary/a/1", 1))
		Expect(outcome).To(BeElementOf(ha.Absent, ha.Conflict))
		outcome, _ = primary.Read(ctx)
		Expect(outcome).To(Equal(ha.Absent))

		records := follow(primary)
		_, err := admin.CoordinationV1().Leases("default").Create(ctx,
			&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "deleted"}}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(records).WithTimeout(10 * time.Second).ShouldNot(BeEmpty())
	})

	It("shows the other unit every write", func(ctx SpecContext) {
		primary, secondary := newLease(ctx, "watched")
		records := follow(secondary)
		Eventually(records).Should(HaveLen(1))
		_, seen := primary.Read(ctx)
		for term := range uint64(5) {
			var outcome ha.Outcome
			outcome, seen = primary.Write(ctx, ha.Record{
				Version: seen.Version, Holder: "primary/a/1", Term: term, Duration: 3 * time.Second,
			})
			Expect(outcome).To(Equal(ha.Written))
		}
		Eventually(func() ha.Record { r := records(); return r[len(r)-1] }).Should(Equal(seen))
	})
})

// held returns the record of a holder on top of another.
func held(on ha.Record, by ha.Incarnation, term uint64) ha.Record {
	return ha.Record{Version: on.Version, Holder: by, Term: term, Duration: time.Second}
}

// follow watches until the spec ends and returns what was seen so far.
func follow(c *Client) func() []ha.Record {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var mu sync.Mutex
	var records []ha.Record
	go func() {
		defer close(done)
		c.Watch(ctx, func(r ha.Record) {
			mu.Lock()
			defer mu.Unlock()
			records = append(records, r)
		})
	}()
	DeferCleanup(func() {
		cancel()
		<-done
	})
	return func() []ha.Record {
		mu.Lock()
		defer mu.Unlock()
		return append([]ha.Record(nil), records...)
	}
}
