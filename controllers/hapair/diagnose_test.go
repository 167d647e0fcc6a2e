package hapair

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/controllers/trimmed"
)

// The cache keeps every field that reportedObstacle reads.
func TestReportedObstacleOfTrimmedPod(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-primary"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name:  "firewall",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "m"}},
			LastTerminationState: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Message: "no table"},
			},
		}}},
	}
	want := reportedObstacle(pod)
	light, err := trimmed.Trim(pod)
	if err != nil {
		t.Fatal(err)
	}
	if got := reportedObstacle(light); got != want || want == "" {
		t.Errorf("got %q, want %q", got, want)
	}
}
