package resources

import (
	"cmp"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryv1ac "k8s.io/client-go/applyconfigurations/discovery/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// endpointsManagedBy marks the EndpointSlice as none that a controller of Kubernetes looks after.
const endpointsManagedBy = "hapair.io"

// Service is the address under which the cluster reaches the pair. It has no selector: its endpoint follows the Lease
// and not the readiness of pods, which both units have. spec.service must be set.
func Service(pair *v1alpha1.HAPair) *corev1ac.ServiceApplyConfiguration {
	wanted := pair.Spec.Service
	spec := corev1ac.ServiceSpec().
		WithType(cmp.Or(wanted.Type, corev1.ServiceTypeClusterIP)).
		WithIPFamilyPolicy(cmp.Or(wanted.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack))
	if wanted.Type == corev1.ServiceTypeLoadBalancer {
		// Who comes by the virtual address meets the active unit itself, so no node needs a port for it.
		spec.WithLoadBalancerClass(v1alpha1.LoadBalancerClass).WithAllocateLoadBalancerNodePorts(false)
	}
	for _, port := range wanted.Ports {
		spec.WithPorts(corev1ac.ServicePort().
			WithName(port.Name).
			WithProtocol(protocol(port)).
			WithPort(port.Port).
			WithTargetPort(intstr.FromInt32(targetPort(port))))
	}
	return corev1ac.Service(ServiceName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithSpec(spec)
}

// ServiceStatus publishes the virtual addresses of a Service of type LoadBalancer. In the mode Proxy nodes do not take
// them for their own, and send what is for them to the pair (KEP-1860).
func ServiceStatus(pair *v1alpha1.HAPair) *corev1ac.ServiceApplyConfiguration {
	published := corev1ac.LoadBalancerStatus()
	for _, address := range virtualAddressesOfService(pair) {
		published.WithIngress(corev1ac.LoadBalancerIngress().
			WithIP(address.String()).
			WithIPMode(corev1.LoadBalancerIPModeProxy))
	}
	return corev1ac.Service(ServiceName(pair.Name), pair.Namespace).
		WithStatus(corev1ac.ServiceStatus().WithLoadBalancer(published))
}

// virtualAddressesOfService are those of the network that the Service names, in the order of the spec.
func virtualAddressesOfService(pair *v1alpha1.HAPair) []netip.Addr {
	var addresses []netip.Addr
	for _, network := range pair.Spec.Networks {
		if network.Name != pair.Spec.Service.Network {
			continue
		}
		for _, text := range network.VirtualAddresses {
			if address, err := netip.ParsePrefix(text); err == nil {
				addresses = append(addresses, address.Addr())
			}
		}
	}
	return addresses
}

// Endpoint is the active unit's pod as the Service reaches it.
type Endpoint struct {
	Pod     string
	UID     types.UID
	Node    string
	Address string
	// Ready is the pod's readiness. An endpoint that is not ready is kept, since it is still the one that forwards.
	Ready bool
	// Terminating is set while the pod is being deleted; it forwards until the peer took over.
	Terminating bool
}

// EndpointSlice is what the Service points at in one IP family. Of the active unit it has the one endpoint, or none
// while no unit is active: a change of the active unit is one write, in which the old endpoint goes as the new one
// comes. Virtual addresses are always ready: that nobody answers for a moment must not have nodes forget connections.
// spec.service must be set.
func EndpointSlice(
	pair *v1alpha1.HAPair, family discoveryv1.AddressType, active *Endpoint,
) *discoveryv1ac.EndpointSliceApplyConfiguration {
	slice := discoveryv1ac.EndpointSlice(EndpointSliceName(pair.Name, family), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithLabels(map[string]string{
			discoveryv1.LabelServiceName: ServiceName(pair.Name),
			discoveryv1.LabelManagedBy:   endpointsManagedBy,
		}).
		WithOwnerReferences(owner(pair)).
		WithAddressType(family)
	for _, port := range pair.Spec.Service.Ports {
		slice.WithPorts(discoveryv1ac.EndpointPort().
			WithName(port.Name).
			WithProtocol(protocol(port)).
			WithPort(targetPort(port)))
	}
	if pair.Spec.Service.Target == v1alpha1.TargetVirtualAddress {
		return slice.WithEndpoints(virtualEndpoints(pair, family)...)
	}
	if active == nil {
		return slice
	}
	return slice.WithEndpoints(activeEndpoint(pair, active))
}

func activeEndpoint(pair *v1alpha1.HAPair, active *Endpoint) *discoveryv1ac.EndpointApplyConfiguration {
	endpoint := discoveryv1ac.Endpoint().
		WithAddresses(active.Address).
		WithConditions(discoveryv1ac.EndpointConditions().
			WithReady(active.Ready && !active.Terminating).
			WithServing(active.Ready).
			WithTerminating(active.Terminating)).
		WithTargetRef(corev1ac.ObjectReference().
			WithKind("Pod").
			WithNamespace(pair.Namespace).
			WithName(active.Pod).
			WithUID(active.UID))
	if active.Node != "" {
		endpoint.WithNodeName(active.Node)
	}
	return endpoint
}

// virtualEndpoints name no node: the addresses are on whichever has the active unit.
func virtualEndpoints(
	pair *v1alpha1.HAPair, family discoveryv1.AddressType,
) (endpoints []*discoveryv1ac.EndpointApplyConfiguration) {
	for _, address := range virtualAddressesOfService(pair) {
		if address.Is6() == (family == discoveryv1.AddressTypeIPv6) {
			endpoints = append(endpoints, discoveryv1ac.Endpoint().
				WithAddresses(address.String()).
				WithConditions(discoveryv1ac.EndpointConditions().WithReady(true).WithServing(true).WithTerminating(false)))
		}
	}
	return endpoints
}

func protocol(port v1alpha1.ServicePort) corev1.Protocol {
	return cmp.Or(port.Protocol, corev1.ProtocolTCP)
}

func targetPort(port v1alpha1.ServicePort) int32 {
	return cmp.Or(port.TargetPort, port.Port)
}
