//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/survival"
)

// addVPN adds an IKE daemon to the units of the sample pair, with the keys of its tunnels.
func addVPN(ctx context.Context) {
	GinkgoHelper()
	Expect(site.Operator(ctx, "vpn")).To(Succeed())
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: edge.Namespace, Name: edge.Name + "-vpn"}, StringData: survival.VPNSecret,
	}
	Expect(k8s.Create(ctx, secret)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(k8s.Delete(ctx, secret)).To(Succeed()) })
	pair := getPair(ctx, edge)
	patch := client.MergeFrom(pair.DeepCopy())
	pair.Spec.VPN = &hapairv1alpha1.VPNSpec{SecretName: secret.Name}
	Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
}
