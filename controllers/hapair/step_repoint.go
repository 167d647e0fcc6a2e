package hapair

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryv1ac "k8s.io/client-go/applyconfigurations/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// repoint makes the Service, and its one endpoint the active unit's pod.
func (r *Reconciler) repoint(ctx context.Context, s *scope) error {
	if s.pair.Spec.Service == nil {
		return r.removeService(ctx, s.pair)
	}
	service, pair := &corev1.Service{}, s.pair
	err := ensure(ctx, r, pair, service, resources.Service(pair), corev1ac.ExtractService)
	if refused := refusal(err); refused != "" {
		s.note(lack{kind: lackService, message: refused})
		s.lookAgain(r.Now().Add(refusalInterval))
		if !metav1.IsControlledBy(service, pair) {
			return nil // There is nothing that could point anywhere.
		}
		pair = withServiceAsItIs(pair, service)
	} else if err != nil {
		return err
	}
	family := familyOf(service)
	if err := r.removeOtherFamily(ctx, pair, family); err != nil {
		return err
	}
	wanted := resources.EndpointSlice(pair, family, s.facts.endpoint(family))
	return ensure(ctx, r, pair, &discoveryv1.EndpointSlice{}, wanted, discoveryv1ac.ExtractEndpointSlice)
}

// withServiceAsItIs is the pair as it would be with the ports that its Service has. A change of these that is refused
// must not keep the endpoint from following the Lease, and must not take from the Service what it has.
func withServiceAsItIs(pair *v1alpha1.HAPair, service *corev1.Service) *v1alpha1.HAPair {
	pair = pair.DeepCopy()
	pair.Spec.Service.Ports = nil
	for _, port := range service.Spec.Ports {
		pair.Spec.Service.Ports = append(pair.Spec.Service.Ports, v1alpha1.ServicePort{
			Name: port.Name, Protocol: port.Protocol, Port: port.Port, TargetPort: port.TargetPort.IntVal,
		})
	}
	return pair
}

// endpoint is how the Service reaches the active unit, nil while no unit is active or its pod has no address yet.
func (f facts) endpoint(family discoveryv1.AddressType) *resources.Endpoint {
	unit := f.units[f.active()]
	address := addressOf(unit.pod, family)
	if address == "" {
		return nil
	}
	return &resources.Endpoint{
		Pod:         unit.pod.Name,
		UID:         unit.pod.UID,
		Node:        unit.pod.Spec.NodeName,
		Address:     address,
		Ready:       unit.ready(),
		Terminating: unit.terminating(),
	}
}

func addressOf(pod *corev1.Pod, family discoveryv1.AddressType) string {
	if pod == nil {
		return ""
	}
	for _, ip := range pod.Status.PodIPs {
		address, err := netip.ParseAddr(ip.IP)
		if err == nil && address.Is6() == (family == discoveryv1.AddressTypeIPv6) {
			return address.String()
		}
	}
	return ""
}

// familyOf is the family of the Service's own address. One that was only just made, and not read back yet, is taken
// for IPv4 until the next reconcile, which its creation causes.
func familyOf(service *corev1.Service) discoveryv1.AddressType {
	if len(service.Spec.IPFamilies) > 0 && service.Spec.IPFamilies[0] == corev1.IPv6Protocol {
		return discoveryv1.AddressTypeIPv6
	}
	return discoveryv1.AddressTypeIPv4
}

// removeOtherFamily makes room for a slice of the family: that of a slice cannot be changed.
func (r *Reconciler) removeOtherFamily(
	ctx context.Context, pair *v1alpha1.HAPair, family discoveryv1.AddressType,
) error {
	slice := &discoveryv1.EndpointSlice{}
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.ServiceName(pair.Name)}
	if err := r.Client.Get(ctx, key, slice); err != nil {
		return client.IgnoreNotFound(err)
	}
	if slice.AddressType == family {
		return nil
	}
	return r.remove(ctx, pair, slice)
}

func (r *Reconciler) removeService(ctx context.Context, pair *v1alpha1.HAPair) error {
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.ServiceName(pair.Name)}
	for _, object := range []client.Object{&discoveryv1.EndpointSlice{}, &corev1.Service{}} {
		if err := r.Client.Get(ctx, key, object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("looking for %T %s: %w", object, key, err)
		} else if err != nil {
			continue
		}
		if err := r.remove(ctx, pair, object); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an object of the pair, and no other that has its name.
func (r *Reconciler) remove(ctx context.Context, pair *v1alpha1.HAPair, object client.Object) error {
	if !metav1.IsControlledBy(object, pair) {
		return nil
	}
	uid := object.GetUID()
	if err := r.Client.Delete(ctx, object, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %T %s: %w", object, client.ObjectKeyFromObject(object), err)
	}
	return nil
}
