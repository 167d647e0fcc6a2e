package hapair

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// families are the IP families that a Service can have.
var families = []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6}

// repoint ensures the Service and makes its EndpointSlices name the active unit.
func (r *Reconciler) repoint(ctx context.Context, s *scope) error {
	if s.pair.Spec.Service == nil {
		return r.removeService(ctx, s.pair)
	}
	if err := resources.CheckService(s.pair.Spec.Service); err != nil {
		s.block(blocker{kind: blockerService, message: err.Error()}) // The other ports are published.
	}
	if refused := r.Allowed.CheckService(s.pair); len(refused) > 0 {
		for _, err := range refused {
			s.block(blocker{kind: blockerService, message: err.Error()})
		}
		return nil // The Service keeps what it published before.
	}
	service, pair := &corev1.Service{}, s.pair
	err := r.ensure(ctx, pair, service, resources.Service(pair))
	if err != nil {
		if !metav1.IsControlledBy(service, pair) {
			return r.blockRefused(s, blockerService, err) // The pair has no Service that could point anywhere.
		}
		pair = withPortsOf(pair, service)
	}
	errs := []error{r.blockRefused(s, blockerService, err)}
	wanted := familiesOf(service)
	for _, family := range families {
		if slices.Contains(wanted, family) {
			errs = append(errs, r.pointAt(ctx, s, pair, family))
		} else {
			errs = append(errs, r.removeSlice(ctx, pair, family, every))
		}
	}
	return errors.Join(append(errs, r.publishAddresses(ctx, pair, service))...)
}

// pointAt ensures the EndpointSlice of one family. The family of a slice is immutable, so one of the same name and
// another family is removed first, if the API server admits its successor.
func (r *Reconciler) pointAt(
	ctx context.Context, s *scope, pair *v1alpha1.HAPair, family discoveryv1.AddressType,
) error {
	wanted := resources.EndpointSlice(pair, family, s.facts.endpoint(family))
	var refused error
	outdated := func(slice *discoveryv1.EndpointSlice) bool {
		if slice.AddressType != family {
			trial := resources.EndpointSlice(pair, family, s.facts.endpoint(family)).WithName(trialName(slice.Name))
			refused = r.objects().Try(ctx, trial)
			return refused == nil
		}
		return false
	}
	if err := errors.Join(r.removeSlice(ctx, pair, family, outdated), refused); err != nil {
		return err
	}
	wrote, err := r.objects().Ensure(ctx, pair, &discoveryv1.EndpointSlice{}, wanted)
	s.repointed = s.repointed || wrote
	return err
}

// withPortsOf returns the pair with the ports that its Service has. A refused change of the ports must not keep the
// endpoint from following the Lease, and must not remove ports that the Service has.
func withPortsOf(pair *v1alpha1.HAPair, service *corev1.Service) *v1alpha1.HAPair {
	pair = pair.DeepCopy()
	pair.Spec.Service.Ports = nil
	for _, port := range service.Spec.Ports {
		pair.Spec.Service.Ports = append(pair.Spec.Service.Ports, v1alpha1.ServicePort{
			Name: port.Name, Protocol: port.Protocol, Port: port.Port, TargetPort: port.TargetPort.IntVal,
		})
	}
	return pair
}

// publishAddresses writes the virtual addresses into the status of a LoadBalancer. The API server removes them when the
// Service becomes something else.
func (r *Reconciler) publishAddresses(ctx context.Context, pair *v1alpha1.HAPair, service *corev1.Service) error {
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer ||
		pair.Spec.Service.Type != corev1.ServiceTypeLoadBalancer {
		return nil // Not yet, or no longer: the change brings the next reconcile.
	}
	return r.objects().EnsureStatus(ctx, &corev1.Service{}, resources.ServiceStatus(pair))
}

// endpoint returns how the Service reaches the active unit, nil while no unit is active or its pod has no address yet.
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

// familiesOf returns the IP families of the Service's own addresses. For a Service that was just created and not read
// back yet, it returns IPv4. The creation causes another reconcile, which corrects that.
func familiesOf(service *corev1.Service) []discoveryv1.AddressType {
	var all []discoveryv1.AddressType
	for _, family := range service.Spec.IPFamilies {
		all = append(all, discoveryv1.AddressType(family))
	}
	if len(all) == 0 {
		return []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4}
	}
	return all
}

func every(*discoveryv1.EndpointSlice) bool { return true }

// removeSlice removes the slice with the name of a family's slice if it matches.
func (r *Reconciler) removeSlice(
	ctx context.Context, pair *v1alpha1.HAPair, family discoveryv1.AddressType,
	matches func(*discoveryv1.EndpointSlice) bool,
) error {
	slice := &discoveryv1.EndpointSlice{}
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.EndpointSliceName(pair.Name, family)}
	if err := r.Client.Get(ctx, key, slice); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("looking for EndpointSlice %s: %w", key, err)
	} else if err != nil || !matches(slice) {
		return nil
	}
	return r.remove(ctx, pair, slice)
}

func (r *Reconciler) removeService(ctx context.Context, pair *v1alpha1.HAPair) error {
	for _, family := range families {
		if err := r.removeSlice(ctx, pair, family, every); err != nil {
			return err
		}
	}
	service := &corev1.Service{}
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.ServiceName(pair.Name)}
	if err := r.Client.Get(ctx, key, service); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("looking for Service %s: %w", key, err)
	} else if err != nil {
		return nil
	}
	return r.remove(ctx, pair, service)
}

// remove deletes an object of the pair, and never an object of someone else with its name.
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
