package trimmed

import (
	"maps"
	"slices"
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

// Kinds returns the kinds that a pair owns.
func Kinds() []client.Object { return slices.Collect(maps.Keys(transforms())) }

// transforms returns the kinds that a pair owns, and how the cache trims each. The first argument of trim keeps the
// fields that a reconciler reads; the second one digests what the operator applied.
func transforms() map[client.Object]toolscache.TransformFunc {
	return map[client.Object]toolscache.TransformFunc{
		&corev1.Pod{}:                   trim(keepPod, digestNothing),
		&coordinationv1.Lease{}:         trim(keepLease, digestObject(appliedToLease)),
		&corev1.Service{}:               trim(keepService, digestService),
		&discoveryv1.EndpointSlice{}:    trim(keepSlice, digestObject(discoveryv1ac.ExtractEndpointSlice)),
		&corev1.Secret{}:                trim(keepSecret, digestObject(corev1ac.ExtractSecret)),
		&corev1.ConfigMap{}:             trim(keepNothing, digestObject(corev1ac.ExtractConfigMap)),
		&corev1.ServiceAccount{}:        trim(keepNothing, digestObject(corev1ac.ExtractServiceAccount)),
		&rbacv1.Role{}:                  trim(keepNothing, digestObject(rbacv1ac.ExtractRole)),
		&rbacv1.RoleBinding{}:           trim(keepNothing, digestObject(rbacv1ac.ExtractRoleBinding)),
		&networkingv1.NetworkPolicy{}:   trim(keepNothing, digestObject(networkingv1ac.ExtractNetworkPolicy)),
		&policyv1.PodDisruptionBudget{}: trim(keepNothing, digestObject(policyv1ac.ExtractPodDisruptionBudget)),
		&v1alpha1.HAUnit{}:              trim(keepUnit, digestNothing),
	}
}

// Trim returns what the cache keeps of an object. It is for tests of code that reads from the cache.
func Trim[T any, O interface {
	*T
	client.Object
}](whole O) (O, error) {
	for kind, trim := range transforms() {
		if _, ok := kind.(O); !ok {
			continue
		}
		trimmed, err := trim(whole.DeepCopyObject())
		if err != nil {
			return nil, err
		}
		into := O(new(T))
		return into, trimmed.(*object).copyInto(into)
	}
	return whole, nil
}

// trim returns a function that reduces an object to its identity, the fields that keep copies, and the digests. An
// informer that lists again passes objects that are trimmed already, and wraps those that were deleted meanwhile; both
// stay as they are.
func trim[T any, O interface {
	*T
	client.Object
}](keep func(from, to O), applied func(O) Applied) toolscache.TransformFunc {
	return func(whole any) (any, error) {
		from, ok := whole.(O)
		if !ok {
			return whole, nil
		}
		dropForeignEntries(from)
		// Digest first: keep may change what the two objects share.
		to, digests := O(new(T)), applied(from)
		keepIdentity(from, to)
		keep(from, to)
		return &object{Object: to, applied: digests}, nil
	}
}

func digestNothing[O client.Object](O) Applied { return Applied{} }

func digestObject[O client.Object, C any](extract extractor[O, C]) func(O) Applied {
	return func(object O) Applied { return Applied{object: digestApplied(object, extract)} }
}

// digestService digests the status too, to which the operator applies the virtual addresses.
func digestService(service *corev1.Service) Applied {
	return Applied{
		object: digestApplied(service, corev1ac.ExtractService),
		status: digestApplied(service, corev1ac.ExtractServiceStatus),
	}
}

// dropBookkeeping trims objects that users write. It drops what the API server and kubectl record about changes.
func dropBookkeeping(whole any) (any, error) {
	if written, ok := whole.(client.Object); ok {
		written.SetManagedFields(nil)
		annotations := written.GetAnnotations()
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		written.SetAnnotations(annotations)
	}
	return whole, nil
}

// keepIdentity copies the name, the UID, the version and the owners. The objects of a pair share most of these texts.
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

// shared returns the one copy of a text that all objects use.
func shared(text string) string { return unique.Make(text).Value() }

func keepNothing[O any](_, _ O) {}

// keepPod keeps what the facts about a unit are made of. The operator replaces pods and never changes them.
func keepPod(from, to *corev1.Pod) {
	to.CreationTimestamp = from.CreationTimestamp
	to.Labels = only(from.Labels, v1alpha1.LabelRole)
	to.Annotations = only(from.Annotations,
		v1alpha1.AnnotationTemplateHash, v1alpha1.AnnotationConfigurationHash, v1alpha1.AnnotationSettingsHash)
	to.Spec.NodeName = from.Spec.NodeName
	to.Status = corev1.PodStatus{
		Phase: from.Status.Phase, Reason: from.Status.Reason, Message: from.Status.Message,
		PodIPs:                from.Status.PodIPs,
		InitContainerStatuses: keepWaiting(from.Status.InitContainerStatuses),
		ContainerStatuses:     keepWaiting(from.Status.ContainerStatuses),
	}
	for _, condition := range from.Status.Conditions {
		// The kubelet writes a new time at every probe, which would be a change each time.
		condition.LastProbeTime = metav1.Time{}
		to.Status.Conditions = append(to.Status.Conditions, condition)
	}
}

// keepWaiting returns the containers that wait, and why.
func keepWaiting(from []corev1.ContainerStatus) (to []corev1.ContainerStatus) {
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

// keepLease drops the times of renewals, of which there are several a minute for each pair, and the annotations that
// the units write for each other.
func keepLease(from, to *coordinationv1.Lease) {
	to.Annotations = only(from.Annotations, v1alpha1.AnnotationSwitchoverTo)
	to.Spec.HolderIdentity, to.Spec.LeaseTransitions = from.Spec.HolderIdentity, from.Spec.LeaseTransitions
}

// keepUnit keeps what each class costs the active unit, and drops the state of the classes, which nobody reads here.
func keepUnit(from, to *v1alpha1.HAUnit) {
	to.Status = from.Status
	to.Status.Classes = nil
	if from.Status.Role != string(v1alpha1.RoleActive) {
		return
	}
	for _, class := range from.Status.Classes {
		to.Status.Classes = append(to.Status.Classes, v1alpha1.UnitClass{
			Name: shared(class.Name), Entries: class.Entries, BytesPerSecond: class.BytesPerSecond,
		})
	}
}

func keepService(from, to *corev1.Service) {
	to.Spec.Type, to.Spec.Ports, to.Spec.IPFamilies = from.Spec.Type, from.Spec.Ports, from.Spec.IPFamilies
}

func keepSlice(from, to *discoveryv1.EndpointSlice) { to.AddressType = from.AddressType }

// keepSecret keeps the data, and the label that names the pair if cert-manager made the Secret. The authority is in the
// units' Secrets, so that of the metrics Secret is dropped.
func keepSecret(from, to *corev1.Secret) {
	to.Data = from.Data
	if _, metrics := to.Data[resources.KeyToken]; metrics {
		delete(to.Data, resources.KeyAuthority)
	}
	if metav1.GetControllerOf(from) == nil {
		to.Labels = only(from.Labels, v1alpha1.LabelPair)
	}
}

// only returns the entries with these names; nil without such an entry.
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
