package hapair

import (
	"cmp"
	"context"
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

// attachmentKind is looked at without its type: all that matters is whether one exists.
var attachmentKind = schema.GroupVersionKind{
	Group: "k8s.cni.cncf.io", Version: "v1", Kind: "NetworkAttachmentDefinition",
}

// passing are the reasons of waiting containers that every start goes through.
var passing = []string{"", "ContainerCreating", "PodInitializing"}

// explain finds out why pods do not come or go, where a person has to mend it.
func (r *Reconciler) explain(ctx context.Context, s *scope) error {
	for unit, own := range s.facts.units {
		switch {
		case own.terminating() && s.decisions[unit].action == actionForget:
			continue
		case own.terminating():
			if overdue := overdueAt(own.pod); r.Now().Before(overdue) {
				s.lookAgain(overdue)
				continue
			}
			own.trouble = fmt.Sprintf("pod %s should be gone, and its node %s answers; see the kubelet there, "+
				"or delete the pod with --force", own.pod.Name, own.pod.Spec.NodeName)
			s.lookAgain(r.Now().Add(overdueAfter)) // what becomes of nodes is not watched
		case own.pod == nil:
			continue
		case own.ready():
			own.stalled = r.stalled(s, unit)
		default:
			trouble, err := r.startTrouble(ctx, s.pair, own.pod)
			if err != nil {
				return err
			}
			own.trouble, own.stalled = trouble, r.stalled(s, unit)
		}
		s.facts.units[unit] = own
	}
	return nil
}

func (r *Reconciler) startTrouble(ctx context.Context, pair *v1alpha1.HAPair, pod *corev1.Pod) (string, error) {
	if trouble := troubleOf(pod); trouble != "" || !waitsForNetworks(pod) {
		return trouble, nil
	}
	return r.missingAttachment(ctx, pair)
}

// troubleOf is what the pod's status says about why it does not start; empty when it merely has not started yet.
func troubleOf(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s waits for a node: %s", pod.Name, cmp.Or(condition.Message, condition.Reason))
		}
	}
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := container.State.Waiting
		if waiting == nil || slices.Contains(passing, waiting.Reason) {
			continue
		}
		text := fmt.Sprintf("container %s of pod %s: %s", container.Name, pod.Name, waiting.Reason)
		if last := container.LastTerminationState.Terminated; last != nil {
			return text + fmt.Sprintf(": it ended with exit code %d%s", last.ExitCode, colon(last.Message))
		}
		return text + colon(waiting.Message)
	}
	return ""
}

// waitsForNetworks tells whether the pod has a node and no sandbox yet, which is when its networks are attached.
func waitsForNetworks(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodPending && len(pod.Status.PodIPs) == 0
}

// missingAttachment names the first attachment of the spec that does not exist. The kubelet tells of it only in an
// Event of the pod, where nobody looks first.
func (r *Reconciler) missingAttachment(ctx context.Context, pair *v1alpha1.HAPair) (string, error) {
	for i, network := range pair.Spec.Networks {
		multus := network.Attachment.Multus
		if multus == nil {
			continue
		}
		key := client.ObjectKey{Namespace: cmp.Or(multus.Namespace, pair.Namespace), Name: multus.Name}
		attachment := &metav1.PartialObjectMetadata{}
		attachment.SetGroupVersionKind(attachmentKind)
		switch err := r.Live.Get(ctx, key, attachment); {
		case err == nil:
		case meta.IsNoMatchError(err):
			return "the cluster does not know the kind NetworkAttachmentDefinition; install Multus or a plugin like it", nil
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("NetworkAttachmentDefinition %s of spec.networks[%d] (%s) does not exist; create it",
				key, i, network.Name), nil
		default:
			return "", fmt.Errorf("looking for NetworkAttachmentDefinition %s: %w", key, err)
		}
	}
	return "", nil
}

// endOf is why a pod ended.
func endOf(pod *corev1.Pod) string {
	return fmt.Sprintf("pod %s is %s%s%s",
		pod.Name, strings.ToLower(string(pod.Status.Phase)), colon(pod.Status.Reason), colon(pod.Status.Message))
}

// maxQuoted bounds what is quoted of others, who may have written pages.
const maxQuoted = 512

func colon(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + shorten(text, maxQuoted)
}

// shorten cuts a text at a whole character.
func shorten(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	cut := 0
	for i := range text {
		if i > bytes-len("…") {
			break
		}
		cut = i
	}
	return text[:cut] + "…"
}
