package hapair

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// podFields map the fields of a unit's pod to those of the pair from which they are made.
var podFields = []struct{ pod, pair string }{
	{"spec.containers[0].image", "spec.firewall.image, or the flag --firewall-image of the operator"},
	{"spec.containers[0].resources", "spec.units.firewall.resources"},
	{"spec.containers[1].image", "the flag --sidecar-image of the operator"},
	{"spec.containers[1].resources", "spec.units.sidecar.resources"},
	{"spec.tolerations", "spec.units.scheduling.tolerations"},
	{"spec.nodeSelector", "spec.units.scheduling.nodeSelector"},
	{"spec.affinity", "spec.units.scheduling.affinity"},
	{"spec.topologySpreadConstraints", "spec.units.scheduling.topologySpreadConstraints"},
	{"spec.priorityClassName", "spec.units.scheduling.priorityClassName"},
	{"spec.runtimeClassName", "spec.units.runtimeClassName"},
	{"spec.imagePullSecrets", "spec.units.imagePullSecrets"},
	{"metadata.labels", "spec.units.metadata.labels"},
	{"metadata.annotations", "spec.units.metadata.annotations"},
}

// firstProvider is the index of the first provider among the containers of a pod.
const firstProvider = 2

// remedies map a part of a refusal to what a person can do about it. The first that matches counts.
var remedies = []struct{ part, remedy string }{
	{"violates PodSecurity", "label the namespace pod-security.kubernetes.io/enforce=privileged, since units need the " +
		"capability NET_ADMIN, or move the pair to another namespace"},
	{"exceeded quota", "raise the quota, or lower spec.units.firewall.resources and spec.units.sidecar.resources"},
	{"failed quota", "set what the quota counts in spec.units.firewall.resources and spec.units.sidecar.resources"},
	{"usage per", "change the LimitRange, or spec.units.firewall.resources and spec.units.sidecar.resources"},
	{"limit to request ratio", "change the LimitRange, or spec.units.firewall.resources and " +
		"spec.units.sidecar.resources"},
	{"PriorityClass", "create the PriorityClass, or correct spec.units.scheduling.priorityClassName"},
	{"RuntimeClass", "create the RuntimeClass, or correct spec.units.runtimeClassName"},
	{"ValidatingAdmissionPolicy", "change the policy, or what it objects to"},
	{"failed calling webhook", "repair or remove the webhook"},
	{"admission webhook", "change what the webhook objects to"},
}

// pairField returns the field of the pair from which a field of the pod is made, or an empty string.
func pairField(pod string) string {
	for _, field := range podFields {
		if strings.HasPrefix(pod, field.pod) {
			return field.pair
		}
	}
	var container int
	if _, err := fmt.Sscanf(pod, "spec.containers[%d]", &container); err == nil && container >= firstProvider {
		_, rest, _ := strings.Cut(pod, "]")
		return fmt.Sprintf("spec.providers[%d]%s", container-firstProvider, rest)
	}
	return ""
}

// remedyOf returns what a person can do about a refusal, as the end of a sentence; empty if only the refusal tells.
func remedyOf(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return ""
	}
	details := status.Status().Details
	if details != nil && strings.EqualFold(strings.TrimSuffix(details.Kind, "s"), "pod") {
		for _, cause := range details.Causes {
			if field := pairField(cause.Field); field != "" {
				return "; correct " + field
			}
		}
	}
	for _, known := range remedies {
		if strings.Contains(status.Status().Message, known.part) {
			return "; " + known.remedy
		}
	}
	return ""
}
