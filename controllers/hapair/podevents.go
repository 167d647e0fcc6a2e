package hapair

import (
	"context"
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The kubelet reports in Events alone what keeps it from making the sandbox of a pod: an error of a CNI plugin, or a
// volume that cannot be mounted. Events are not watched, since a cluster has very many. Those of one pod are listed
// while it does not start, at growing intervals.
const (
	// warningAfter is the age from which the Events of a pod are read. Most pods have started by then.
	warningAfter = 5 * time.Second
	// maxWarningInterval bounds the interval for a pod that has not started for long.
	maxWarningInterval = time.Minute
)

// startWarning returns the latest warning about a pod that has a node and does not start; empty without one.
func (r *Reconciler) startWarning(ctx context.Context, s *scope, pod *corev1.Pod) (string, error) {
	if pod.Spec.NodeName == "" || pod.Status.Phase != corev1.PodPending {
		return "", nil
	}
	now := r.Now()
	age := now.Sub(pod.CreationTimestamp.Time)
	if age < warningAfter {
		s.requeueAt(pod.CreationTimestamp.Add(warningAfter))
		return "", nil
	}
	s.requeueAt(now.Add(min(max(age/4, warningAfter), maxWarningInterval)))
	found := &corev1.EventList{}
	ofPod := client.MatchingFields{"involvedObject.uid": string(pod.UID), "type": corev1.EventTypeWarning}
	if err := r.Live.List(ctx, found, client.InNamespace(pod.Namespace), ofPod); err != nil {
		return "", fmt.Errorf("listing the Events of pod %s: %w", pod.Name, err)
	}
	return latestWarning(found.Items), nil
}

// latestWarning returns the reason and the bounded text of the latest Event; empty without an Event.
func latestWarning(all []corev1.Event) string {
	var latest *corev1.Event
	for i := range all {
		if latest == nil || lastSeen(&all[i]).After(lastSeen(latest)) {
			latest = &all[i]
		}
	}
	if latest == nil {
		return ""
	}
	return latest.Reason + quoteAfterColon(identifier.ReplaceAllString(latest.Message, "…"))
}

// identifier matches the identifier of a sandbox or a container. It differs at each try, and a message that changes
// would be written to the status each time.
var identifier = regexp.MustCompile(`\b[0-9a-f]{32,}\b`)

// lastSeen returns when an Event happened last. Recorders fill in different fields.
func lastSeen(event *corev1.Event) time.Time {
	if event.Series != nil {
		return event.Series.LastObservedTime.Time
	}
	if !event.LastTimestamp.IsZero() {
		return event.LastTimestamp.Time
	}
	return event.EventTime.Time
}
