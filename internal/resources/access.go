package resources

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// NetworkPolicy returns the policy for the pod network of the units. It admits the other unit for the session and the
// heartbeats, scrapers of metrics, and clients of the Service. Kubelets reach the health port regardless of any policy.
//
// The policy does not apply to the networks of the spec: there the firewall configuration decides. To admit more, add
// another policy: policies are additive.
func NetworkPolicy(pair *v1alpha1.HAPair) *networkingv1ac.NetworkPolicyApplyConfiguration {
	units := unitsSelector(pair)
	scrapers := metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelScraper: "true"})
	spec := networkingv1ac.NetworkPolicySpec().
		WithPodSelector(units).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(
			networkingv1ac.NetworkPolicyIngressRule().
				WithFrom(networkingv1ac.NetworkPolicyPeer().WithPodSelector(units)).
				WithPorts(
					admit(corev1.ProtocolTCP, contract.SyncPort),
					admit(corev1.ProtocolUDP, contract.SyncPort),
				),
			networkingv1ac.NetworkPolicyIngressRule().
				WithFrom(networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(scrapers)).
				WithPorts(admit(corev1.ProtocolTCP, contract.MetricsPort)),
		)
	if ports := clientPorts(pair.Spec.Service); len(ports) > 0 { // a rule without ports would admit all of them
		rule := networkingv1ac.NetworkPolicyIngressRule() // from any source
		for _, port := range ports {
			rule.WithPorts(admit(protocol(port), targetPort(port)))
		}
		spec.WithIngress(rule)
	}
	return networkingv1ac.NetworkPolicy(NetworkPolicyName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithSpec(spec)
}

// clientPorts returns the ports at which clients of the Service reach a unit's pod.
func clientPorts(service *v1alpha1.ServiceSpec) []v1alpha1.ServicePort {
	if service == nil || service.Target == v1alpha1.TargetVirtualAddress {
		return nil
	}
	return publishedPorts(service)
}

func admit(protocol corev1.Protocol, port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(port))
}
