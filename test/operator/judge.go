//go:build apiserver

package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	discoveryv1ac "k8s.io/client-go/applyconfigurations/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// judge fails a test if the operator puts the traffic at risk. It reads the state from the API server at each write;
// nothing else acts at that time. A nil judge allows everything.
type judge struct{ namespace, pair string }

func (j *judge) read(ctx context.Context) *units.Pair {
	GinkgoHelper()
	now, err := units.Read(ctx, admin, client.ObjectKey{Namespace: j.namespace, Name: j.pair})
	Expect(err).NotTo(HaveOccurred())
	return now
}

// checkDelete checks an object that is about to be deleted.
func (j *judge) checkDelete(ctx context.Context, object client.Object) {
	GinkgoHelper()
	pod, ok := object.(*corev1.Pod)
	if j == nil || !ok {
		return
	}
	now, unit := j.read(ctx), v1alpha1.Unit(pod.Labels[v1alpha1.LabelUnit])
	if own := now.Pods[unit]; own == nil || units.HasEnded(own) {
		return
	}
	peer := now.Pods[unit.Peer()]
	Expect(peer == nil || peer.DeletionTimestamp == nil).To(BeTrue(), "both units would be deleted at once")
	if now.Holds(unit) {
		Expect(now.Serves(unit.Peer())).To(BeTrue(), "the active unit would be deleted though its peer is not ready")
		Expect(now.InSync(unit) && now.InSync(unit.Peer())).To(BeTrue(),
			"the active unit would be deleted though its peer does not hold its state")
	}
}

// checkApply checks an object that is about to be applied.
func (j *judge) checkApply(wanted runtime.ApplyConfiguration) {
	GinkgoHelper()
	if slice, ok := wanted.(*discoveryv1ac.EndpointSliceApplyConfiguration); j != nil && ok {
		Expect(len(slice.Endpoints)).To(BeNumerically("<=", 1), "the Service would have several endpoints")
	}
}

// checkReconciled checks the endpoint after a reconcile. Nothing else acted meanwhile, so it must match the Lease.
func (j *judge) checkReconciled(ctx context.Context) {
	GinkgoHelper()
	if j == nil {
		return
	}
	slice := &discoveryv1.EndpointSlice{}
	err := admin.Get(ctx, client.ObjectKey{Namespace: j.namespace, Name: j.pair}, slice)
	if apierrors.IsNotFound(err) {
		return
	}
	Expect(err).NotTo(HaveOccurred())
	now := j.read(ctx)
	for _, unit := range v1alpha1.Units() {
		if now.Holds(unit) && len(now.Pods[unit].Status.PodIPs) > 0 {
			Expect(slice.Endpoints).To(ConsistOf(HaveField("TargetRef.UID", now.Pods[unit].UID)),
				"the one endpoint is the unit that holds the Lease")
			return
		}
	}
	Expect(slice.Endpoints).To(BeEmpty(), "no unit holds the Lease")
}
