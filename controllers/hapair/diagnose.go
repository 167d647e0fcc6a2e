package hapair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// attachmentKind is read as metadata only: all that matters is whether the object exists.
var attachmentKind = schema.GroupVersionKind{
	Group: "k8s.cni.cncf.io", Version: "v1", Kind: "NetworkAttachmentDefinition",
}

// transientReasons are the waiting reasons that every container start goes through.
var transientReasons = []string{"", "ContainerCreating", "PodInitializing"}

// diagnose finds out why pods do not start or terminate, if only a person can remove the cause.
func (r *Reconciler) diagnose(ctx context.Context, s *scope) error {
	var errs []error
	for unit, own := range s.facts.units {
		switch {
		case own.terminating() && s.decisions[unit].action == actionDeleteLost:
			continue
		case own.terminating():
			own.obstacle = r.terminationObstacle(s, own.pod)
		case own.pod == nil:
			continue
		case own.ready():
			own.overdue = r.overdue(s, unit)
		default:
			var obstacleErr, warningErr error
			own.obstacle, obstacleErr = r.startObstacle(ctx, s.pair, own.pod)
			if own.obstacle == "" {
				own.warning, warningErr = r.startWarning(ctx, s, own.pod)
			}
			errs = append(errs, obstacleErr, warningErr)
			s.facts.units[unit] = own
			own.overdue = r.overdue(s, unit)
		}
		s.facts.units[unit] = own
	}
	return errors.Join(errs...)
}

// terminationObstacle returns why a pod is still there; empty while its kubelet has time left.
func (r *Reconciler) terminationObstacle(s *scope, pod *corev1.Pod) string {
	if overdue := terminationOverdueAt(pod); r.Now().Before(overdue) {
		s.requeueAt(overdue)
		return ""
	}
	s.requeueAt(r.Now().Add(terminationGrace)) // The operator does not watch nodes.
	return fmt.Sprintf("pod %s should have terminated, and its node %s responds; see the kubelet there, "+
		"or delete the pod with --force", pod.Name, pod.Spec.NodeName)
}

// startObstacle returns why a pod does not start; empty if it merely has not started yet.
func (r *Reconciler) startObstacle(ctx context.Context, pair *v1alpha1.HAPair, pod *corev1.Pod) (string, error) {
	if obstacle := reportedObstacle(pod); obstacle != "" || !waitsForNetworks(pod) {
		return obstacle, nil
	}
	return r.missingAttachment(ctx, pair)
}

// reportedObstacle returns what the pod's status reports about why it does not start.
func reportedObstacle(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s waits for a node: %s", pod.Name, cmp.Or(condition.Message, condition.Reason))
		}
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := container.State.Waiting
		if waiting == nil || slices.Contains(transientReasons, waiting.Reason) {
			continue
		}
		text := fmt.Sprintf("container %s of pod %s: %s", container.Name, pod.Name, waiting.Reason)
		if last := container.LastTerminationState.Terminated; last != nil {
			return text + fmt.Sprintf(": it ended with exit code %d%s", last.ExitCode, quoteAfterColon(last.Message))
		}
		return text + quoteAfterColon(waiting.Message)
	}
	return ""
}

// waitsForNetworks reports whether the pod has a node and no sandbox yet. That is when its networks are attached.
func waitsForNetworks(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodPending && len(pod.Status.PodIPs) == 0
}

// missingAttachment returns the first attachment of the spec that does not exist. The kubelet reports it only in an
// Event of the pod.
func (r *Reconciler) missingAttachment(ctx context.Context, pair *v1alpha1.HAPair) (string, error) {
	for i, network := range pair.Spec.Networks {
		multus := network.Attachment.Multus
		// The author of the pair must not learn what exists in a namespace that is not allowed.
		if multus == nil || !r.Allowed.AllowsAttachment(pair, *multus) {
			continue
		}
		key := client.ObjectKey{Namespace: cmp.Or(multus.Namespace, pair.Namespace), Name: multus.Name}
		attachment := &metav1.PartialObjectMetadata{}
		attachment.SetGroupVersionKind(attachmentKind)
		switch err := r.Live.Get(ctx, key, attachment); {
		case err == nil, apierrors.IsForbidden(err): // The operator may have no rights in that namespace.
		case meta.IsNoMatchError(err):
			return "the cluster does not know the kind NetworkAttachmentDefinition; install Multus or a compatible plugin", nil
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("NetworkAttachmentDefinition %s of spec.networks[%d] (%s) does not exist; create it",
				key, i, network.Name), nil
		default:
			return "", fmt.Errorf("looking for NetworkAttachmentDefinition %s: %w", key, err)
		}
	}
	return "", nil
}

// endOf returns why a pod ended.
func endOf(pod *corev1.Pod) string {
	return fmt.Sprintf("pod %s is %s%s%s", pod.Name, strings.ToLower(string(pod.Status.Phase)),
		quoteAfterColon(pod.Status.Reason), quoteAfterColon(pod.Status.Message))
}
