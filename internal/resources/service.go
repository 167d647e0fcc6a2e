package resources

import (
	"cmp"

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

// Service is the address under which the cluster reaches the active unit. It has no selector: its one endpoint follows
// the Lease and not the readiness of pods, which both units have. spec.service must be set.
func Service(pair *v1alpha1.HAPair) *corev1ac.ServiceApplyConfiguration {
	wanted := pair.Spec.Service
	spec := corev1ac.ServiceSpec().WithType(cmp.Or(wanted.Type, corev1.ServiceTypeClusterIP))
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

// EndpointSlice is the one endpoint of the Service, or none while no unit is active. A change of the active unit is one
// write, in which the old endpoint goes as the new one comes. spec.service must be set.
func EndpointSlice(
	pair *v1alpha1.HAPair, family discoveryv1.AddressType, active *Endpoint,
) *discoveryv1ac.EndpointSliceApplyConfiguration {
	name := ServiceName(pair.Name)
	slice := discoveryv1ac.EndpointSlice(name, pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithLabels(map[string]string{
			discoveryv1.LabelServiceName: name,
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
	if active == nil {
		return slice
	}
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
	return slice.WithEndpoints(endpoint)
}

func protocol(port v1alpha1.ServicePort) corev1.Protocol {
	return cmp.Or(port.Protocol, corev1.ProtocolTCP)
}

func targetPort(port v1alpha1.ServicePort) int32 {
	return cmp.Or(port.TargetPort, port.Port)
}
