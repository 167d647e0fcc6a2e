package resources

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryv1ac "k8s.io/client-go/applyconfigurations/discovery/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// endpointsManagedBy keeps the controllers of Kubernetes from changing the EndpointSlice.
const endpointsManagedBy = "hapair.io"

// Service returns the Service by which the cluster reaches the pair. spec.service must be set. The Service has no
// selector: both pods are ready, but only the holder of the Lease forwards. The operator writes the endpoints.
func Service(pair *v1alpha1.HAPair) *corev1ac.ServiceApplyConfiguration {
	wanted := pair.Spec.Service
	spec := corev1ac.ServiceSpec().
		WithType(cmp.Or(wanted.Type, corev1.ServiceTypeClusterIP)).
		WithIPFamilyPolicy(cmp.Or(wanted.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack))
	if wanted.Type == corev1.ServiceTypeLoadBalancer {
		// Clients reach the active unit directly at the virtual address, so that no node needs to open a port.
		spec.WithLoadBalancerClass(v1alpha1.LoadBalancerClass).WithAllocateLoadBalancerNodePorts(false)
	}
	for _, port := range publishedPorts(wanted) {
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

// ServiceStatus returns the status that publishes the virtual addresses of a Service of type LoadBalancer. With the IP
// mode Proxy, nodes send traffic for these addresses to the pair instead of handling it themselves (KEP-1860).
func ServiceStatus(pair *v1alpha1.HAPair) *corev1ac.ServiceApplyConfiguration {
	published := corev1ac.LoadBalancerStatus()
	for _, address := range serviceAddresses(pair) {
		published.WithIngress(corev1ac.LoadBalancerIngress().
			WithIP(address.String()).
			WithIPMode(corev1.LoadBalancerIPModeProxy))
	}
	return corev1ac.Service(ServiceName(pair.Name), pair.Namespace).
		WithStatus(corev1ac.ServiceStatus().WithLoadBalancer(published))
}

// serviceAddresses returns the virtual addresses of the network that the Service names, in the order of the spec.
// Link-local ones are left out: only hosts on the same link reach them, and the API server refuses them as endpoints.
func serviceAddresses(pair *v1alpha1.HAPair) []netip.Addr {
	var addresses []netip.Addr
	for _, network := range pair.Spec.Networks {
		if network.Name != pair.Spec.Service.Network {
			continue
		}
		for _, text := range network.VirtualAddresses {
			if address, err := netip.ParsePrefix(text); err == nil && !address.Addr().IsLinkLocalUnicast() {
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
	// Ready is the readiness of the pod. An endpoint that is not ready stays in the slice, since it still forwards.
	Ready bool
	// Terminating is true while the pod is being deleted. It forwards until the peer takes over.
	Terminating bool
}

// EndpointSlice returns the endpoints of the Service in one IP family. spec.service must be set.
//
// With target ActiveUnit the slice has one endpoint, or no endpoint if active is nil. A change of the active unit
// replaces the endpoint in one write. With target VirtualAddress all endpoints are always ready: if they became unready
// during a failover, nodes would delete their connections.
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
	for _, port := range publishedPorts(pair.Spec.Service) {
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

// virtualEndpoints returns one endpoint for each virtual address of a family. They name no node, since the addresses
// move with the active unit.
func virtualEndpoints(
	pair *v1alpha1.HAPair, family discoveryv1.AddressType,
) (endpoints []*discoveryv1ac.EndpointApplyConfiguration) {
	for _, address := range serviceAddresses(pair) {
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

// CheckService returns an error for each port of the Service that points at a port of the units themselves. The API
// refuses such a port, but a pair of an earlier release may still have one.
func CheckService(service *v1alpha1.ServiceSpec) error {
	var errs []error
	for i, port := range service.Ports {
		if isReserved(port) {
			errs = append(errs, fmt.Errorf("spec.service.ports[%d]: the Service must not point at port %d, which the units use "+
				"themselves; set targetPort to another port", i, targetPort(port)))
		}
	}
	return errors.Join(errs...)
}

// publishedPorts returns the ports of the Service without those that point at a port of the units themselves.
func publishedPorts(service *v1alpha1.ServiceSpec) []v1alpha1.ServicePort {
	return slices.DeleteFunc(slices.Clone(service.Ports), isReserved)
}

func isReserved(port v1alpha1.ServicePort) bool {
	return slices.Contains(contract.ReservedPorts(), targetPort(port))
}

func targetPort(port v1alpha1.ServicePort) int32 {
	return cmp.Or(port.TargetPort, port.Port)
}
