//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// loadTickets loads the image of the provider in shell, and returns how a pair runs it.
func loadTickets(ctx context.Context) []hapairv1alpha1.ProviderSpec {
	GinkgoHelper()
	archive := filepath.Join(site.Cluster.Bin(), "images", "tickets.tar")
	Expect(site.Cluster.Load(ctx, archive)).To(Succeed())
	reference, err := os.ReadFile(strings.TrimSuffix(archive, ".tar") + ".ref")
	Expect(err).NotTo(HaveOccurred(), "run make bin/images/tickets.tar")
	return []hapairv1alpha1.ProviderSpec{{
		Name: "tickets", Image: strings.TrimSpace(string(reference)), RunAsUser: 20001,
		Writes: []hapairv1alpha1.ProviderClassName{"tickets"},
	}}
}

// addTickets adds the provider to the sample pair.
func addTickets(ctx context.Context) {
	GinkgoHelper()
	providers := loadTickets(ctx)
	pair := getPair(ctx, edge)
	patch := client.MergeFrom(pair.DeepCopy())
	pair.Spec.Providers = providers
	Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
}

// probe asks the provider of a unit as a client does: to begin, check or end a ticket.
func probe(ctx context.Context, key client.ObjectKey, unit hapairv1alpha1.Unit, action, ticket string) error {
	_, err := site.Kubectl(ctx, "exec", key.Name+"-"+string(unit), "-c", "provider-tickets", "--",
		"/probe.sh", action, ticket)
	return err
}

// probeTickets asks the provider of the sample pair's active unit.
func probeTickets(ctx context.Context, action, ticket string) error {
	now, err := holder(ctx)
	if err != nil {
		return err
	}
	return probe(ctx, edge, hapairv1alpha1.Unit(now.Unit), action, ticket)
}
