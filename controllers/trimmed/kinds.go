package trimmed

import (
	"unique"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryv1ac "k8s.io/client-go/applyconfigurations/discovery/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// Kinds returns the kinds that a pair consists of, and what the cache keeps of each. A pair is two dozen objects, and of
// most of them all that matters is whether they are as they should be. So what is kept is what an object is called,
// whose it is, a digest of what was applied to it, and the few fields that are looked at. That it is not whole does no
// harm, since nothing that was read is ever written back.
func Kinds() map[client.Object]toolscache.TransformFunc {
	return map[client.Object]toolscache.TransformFunc{
		&corev1.Pod{}:                   keep(podKept),
		&coordinationv1.Lease{}:         keep(leaseKept, applied(appliedToLease)),
		&corev1.Service{}:               keep(serviceKept, applied(corev1ac.ExtractService), publishedService()),
		&discoveryv1.EndpointSlice{}:    keep(sliceKept, applied(discoveryv1ac.ExtractEndpointSlice)),
		&corev1.Secret{}:                keep(secretKept, applied(corev1ac.ExtractSecret)),
		&corev1.ConfigMap{}:             keep(nothing, applied(corev1ac.ExtractConfigMap)),
		&corev1.ServiceAccount{}:        keep(nothing, applied(corev1ac.ExtractServiceAccount)),
		&rbacv1.Role{}:                  keep(nothing, applied(rbacv1ac.ExtractRole)),
		&rbacv1.RoleBinding{}:           keep(nothing, applied(rbacv1ac.ExtractRoleBinding)),
		&networkingv1.NetworkPolicy{}:   keep(nothing, applied(networkingv1ac.ExtractNetworkPolicy)),
		&policyv1.PodDisruptionBudget{}: keep(nothing, applied(policyv1ac.ExtractPodDisruptionBudget)),
		&v1alpha1.HAUnit{}:              keep(unitKept),
	}
}

// TrimWritten makes the cache keep of what users write all but what the API server and kubectl remember of it.
func TrimWritten(object any) (any, error) {
	if written, ok := object.(client.Object); ok {
		written.SetManagedFields(nil)
		annotations := written.GetAnnotations()
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		written.SetAnnotations(annotations)
	}
	return object, nil
}

// keep makes the cache keep of an object its identity, the digests, and the fields that kept copies.
func keep[T any, Object interface {
	*T
	client.Object
}](kept func(from, to Object), digests ...digester[Object]) toolscache.TransformFunc {
	return func(object any) (any, error) {
		from, ok := object.(Object)
		if !ok || isKept(from) {
			return object, nil // one that comes again, as when it was deleted while nobody watched
		}
		from.SetManagedFields(own(from.GetManagedFields()))
		to := Object(new(T))
		keepIdentity(from, to)
		entries := make([]metav1.ManagedFieldsEntry, 0, len(digests)+1)
		for _, digest := range digests {
			entries = append(entries, digest(from))
		}
		if len(entries) == 0 {
			entries = append(entries, metav1.ManagedFieldsEntry{FieldsType: digested})
		}
		to.SetManagedFields(entries)
		kept(from, to)
		return to, nil
	}
}

// keepIdentity copies what an object is called and whose it is. A pair's objects share most of that.
func keepIdentity(from, to client.Object) {
	to.SetName(from.GetName())
	to.SetNamespace(shared(from.GetNamespace()))
	to.SetUID(from.GetUID())
	to.SetResourceVersion(from.GetResourceVersion())
	to.SetDeletionTimestamp(from.GetDeletionTimestamp())
	owners := from.GetOwnerReferences()
	for i := range owners {
		o := &owners[i]
		o.APIVersion, o.Kind, o.Name = shared(o.APIVersion), shared(o.Kind), shared(o.Name)
		o.UID = types.UID(shared(string(o.UID)))
	}
	to.SetOwnerReferences(owners)
}

func shared(text string) string { return unique.Make(text).Value() }

func nothing[Object any](_, _ Object) {}

// podKept is what facts are made of. A pod is replaced and not changed, so nothing of it is compared.
func podKept(from, to *corev1.Pod) {
	to.CreationTimestamp = from.CreationTimestamp
	to.Labels = only(from.Labels, v1alpha1.LabelRole)
	to.Annotations = only(from.Annotations,
		v1alpha1.AnnotationTemplateHash, v1alpha1.AnnotationConfigurationHash, v1alpha1.AnnotationSettingsHash)
	to.Spec.NodeName = from.Spec.NodeName
	to.Status = corev1.PodStatus{
		Phase: from.Status.Phase, Reason: from.Status.Reason, Message: from.Status.Message,
		PodIPs:                from.Status.PodIPs,
		InitContainerStatuses: containersKept(from.Status.InitContainerStatuses),
		ContainerStatuses:     containersKept(from.Status.ContainerStatuses),
	}
	for _, condition := range from.Status.Conditions {
		// What a kubelet notes of its probing is news at every probe.
		condition.LastProbeTime = metav1.Time{}
		to.Status.Conditions = append(to.Status.Conditions, condition)
	}
}

// containersKept is why containers do not start.
func containersKept(from []corev1.ContainerStatus) (to []corev1.ContainerStatus) {
	for i := range from {
		waiting := from[i].State.Waiting
		if waiting == nil {
			continue
		}
		container := corev1.ContainerStatus{Name: from[i].Name, State: corev1.ContainerState{Waiting: waiting}}
		if last := from[i].LastTerminationState.Terminated; last != nil {
			container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: last.ExitCode, Message: last.Message,
			}
		}
		to = append(to, container)
	}
	return to
}

// leaseKept passes over renewals, of which there are several a minute for each pair, and over all else that the units
// note there for each other.
func leaseKept(from, to *coordinationv1.Lease) {
	to.Annotations = only(from.Annotations, v1alpha1.AnnotationLastFailover)
	to.Spec.HolderIdentity, to.Spec.LeaseTransitions = from.Spec.HolderIdentity, from.Spec.LeaseTransitions
}

// unitKept copies the report of a unit without its classes, whose numbers of entries change all the time.
func unitKept(from, to *v1alpha1.HAUnit) {
	to.Status = from.Status
	to.Status.Classes = nil
}

func serviceKept(from, to *corev1.Service) {
	to.Spec.Type, to.Spec.Ports, to.Spec.IPFamilies = from.Spec.Type, from.Spec.Ports, from.Spec.IPFamilies
}

func sliceKept(from, to *discoveryv1.EndpointSlice) { to.AddressType = from.AddressType }

// secretKept has the label by which one that cert-manager made is found to be of a pair.
func secretKept(from, to *corev1.Secret) {
	to.Data = from.Data
	if _, metrics := to.Data[resources.KeyToken]; metrics {
		delete(to.Data, resources.KeyAuthority) // which is in the units' too, and not read from here
	}
	if metav1.GetControllerOf(from) == nil {
		to.Labels = only(from.Labels, v1alpha1.LabelPair)
	}
}

// only are some of many, nil when there are none.
func only(all map[string]string, names ...string) map[string]string {
	var some map[string]string
	for _, name := range names {
		if value, ok := all[name]; ok {
			if some == nil {
				some = make(map[string]string, len(names))
			}
			some[name] = shared(value)
		}
	}
	return some
}
