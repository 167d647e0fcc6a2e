package hapair

import "testing"

// A person corrects the pair, and does not know the order of the containers in its pods.
func TestPairFieldOfPodField(t *testing.T) {
	for pod, want := range map[string]string{
		"spec.containers[1].image":                     "the flag --sidecar-image of the operator",
		"spec.containers[2].image":                     "spec.providers[0].image",
		"spec.containers[3].resources.requests[cpu]":   "spec.providers[1].resources.requests[cpu]",
		"spec.initContainers[2].image":                 "",
		"spec.containers":                              "",
		"spec.containers[0].volumeMounts[0].mountPath": "",
	} {
		if got := pairField(pod); got != want {
			t.Errorf("%s: got %q, want %q", pod, got, want)
		}
	}
}
