//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// repointing has the channels that receive when each observer first showed the new active unit.
type repointing struct {
	lease, slice, rules <-chan time.Time
}

// watchRepointing watches for a unit to become active and for its Service to follow: in the Lease, in the
// EndpointSlice, and in the rules of kube-proxy on a node.
func watchRepointing(
	ctx context.Context, pair client.ObjectKey, unit hapairv1alpha1.Unit, endpoint netip.Addr, node string,
) repointing {
	GinkgoHelper()
	return repointing{
		lease: firstMatch(ctx, pair, &coordinationv1.LeaseList{}, func(object any) bool {
			lease, ok := object.(*coordinationv1.Lease)
			return ok && lease.Name == pair.Name && lease.Spec.HolderIdentity != nil &&
				strings.HasPrefix(*lease.Spec.HolderIdentity, string(unit)+"/")
		}),
		slice: firstMatch(ctx, pair, &discoveryv1.EndpointSliceList{}, func(object any) bool {
			slice, ok := object.(*discoveryv1.EndpointSlice)
			return ok && slice.Labels[discoveryv1.LabelServiceName] == pair.Name && len(slice.Endpoints) == 1 &&
				slice.Endpoints[0].Addresses[0] == endpoint.String()
		}),
		rules: firstRule(node, endpoint),
	}
}

// firstMatch returns a channel that receives the time when a watch first showed a matching object.
func firstMatch(
	ctx context.Context, pair client.ObjectKey, kind client.ObjectList, sought func(any) bool,
) <-chan time.Time {
	GinkgoHelper()
	w, err := k8s.Watch(ctx, kind, client.InNamespace(pair.Namespace))
	Expect(err).NotTo(HaveOccurred())
	seen := make(chan time.Time, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range w.ResultChan() {
			if e.Type != watch.Deleted && sought(e.Object) {
				seen <- time.Now()
				return
			}
		}
	}()
	DeferCleanup(func() {
		w.Stop()
		<-ended
	})
	return seen
}

// firstRule returns a channel that receives the time when a node's kernel first had rules that send to an address.
func firstRule(node string, endpoint netip.Addr) <-chan time.Time {
	GinkgoHelper()
	monitor := nftables.NewMonitor()
	var commits chan *nftables.MonitorEvents
	Expect(site.Cluster.Within(node, func() error {
		conn, err := nftables.New()
		if err == nil {
			commits, err = conn.AddGenerationalMonitor(monitor)
		}
		return err
	})).To(Succeed())
	seen := make(chan time.Time, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for commit := range commits {
			if !slices.ContainsFunc(commit.Changes, func(e *nftables.MonitorEvent) bool { return sendsTo(e, endpoint) }) {
				continue
			}
			select {
			case seen <- time.Now():
			default: // it was sent before
			}
		}
	}()
	DeferCleanup(func() {
		Expect(monitor.Close()).To(Succeed())
		<-ended
	})
	return seen
}

// sendsTo reports whether a map got the address as a value. The rules of kube-proxy read the destination of a Service's
// connections from such a map.
func sendsTo(change *nftables.MonitorEvent, address netip.Addr) bool {
	elements, ok := change.Data.([]nftables.SetElement)
	return ok && change.Type == nftables.MonitorEventTypeNewSetElem &&
		slices.ContainsFunc(elements, func(e nftables.SetElement) bool {
			return bytes.HasPrefix(e.Val, address.AsSlice()) // the port follows
		})
}
