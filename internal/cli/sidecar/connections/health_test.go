package connections

import "testing"

// The command asks where the sidecar of a pod listens, without a flag.
func TestSidecarIsAskedAtThePodsAddress(t *testing.T) {
	for pod, want := range map[string]string{
		"": "127.0.0.1:7781", "10.244.1.5": "10.244.1.5:7781", "fd00:10:244:1::5": "[fd00:10:244:1::5]:7781",
	} {
		t.Setenv("POD_IP", pod)
		if got := newEndCommand().Flag("health-address").DefValue; got != want {
			t.Errorf("in the pod %q it asks at %s, want %s", pod, got, want)
		}
	}
}
