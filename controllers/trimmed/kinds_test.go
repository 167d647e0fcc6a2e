package trimmed

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
)

// kept is what the cache keeps of an object.
func kept[Object client.Object](t *testing.T, object Object) Object {
	t.Helper()
	for kind, keep := range Kinds() {
		if reflect.TypeOf(kind) != reflect.TypeOf(object) {
			continue
		}
		got, err := keep(object.DeepCopyObject())
		if err != nil {
			t.Fatal(err)
		}
		return got.(Object)
	}
	t.Fatalf("%T is not kept", object)
	return object
}

// appliedFields are those that the operator applied, as the API server tells it.
func appliedFields(fields string) []metav1.ManagedFieldsEntry {
	return []metav1.ManagedFieldsEntry{{
		Manager: string(apply.FieldOwner), Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}}
}

// What is kept says whether an object is as it was applied, and nothing of its content but that.
func TestKeptConfigMapSaysWhatWasApplied(t *testing.T) {
	wanted := func() *corev1ac.ConfigMapApplyConfiguration {
		return corev1ac.ConfigMap("edge", "sites").
			WithLabels(map[string]string{v1alpha1.LabelPair: "edge"}).
			WithData(map[string]string{"a": "1"})
	}
	object := func(data map[string]string, fields string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name: "edge", Namespace: "sites", UID: "1", ResourceVersion: "7",
				Labels: map[string]string{v1alpha1.LabelPair: "edge"}, ManagedFields: appliedFields(fields),
			},
			Data: data,
		}
	}
	const all = `{"f:data":{"f:a":{}},"f:metadata":{"f:labels":{"f:hapair.io/pair":{}}}}`
	for name, test := range map[string]struct {
		live   *corev1.ConfigMap
		wanted *corev1ac.ConfigMapApplyConfiguration
		want   bool
	}{
		"as it was applied":    {object(map[string]string{"a": "1"}, all), wanted(), true},
		"with another's field": {object(map[string]string{"a": "1", "b": "2"}, all), wanted(), true},
		"changed":              {object(map[string]string{"a": "2"}, all), wanted(), false},
		"taken over": {
			object(map[string]string{"a": "1"}, `{"f:metadata":{"f:labels":{"f:hapair.io/pair":{}}}}`), wanted(), false,
		},
		"taken away":       {object(nil, all), wanted(), false},
		"wanted otherwise": {object(map[string]string{"a": "1"}, all), wanted().WithData(map[string]string{"b": "1"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			live := kept(t, test.live)
			if got, err := Matches(live, test.wanted); err != nil || got != test.want {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
			if live.Data != nil || live.Labels != nil {
				t.Errorf("kept too much: %v", live)
			}
			if live.UID != "1" || live.ResourceVersion != "7" || live.Namespace != "sites" {
				t.Errorf("lost its identity: %v", live.ObjectMeta)
			}
		})
	}
}

// What is kept already comes again when an informer lists anew, and what was deleted meanwhile comes wrapped.
func TestKeepingTwiceIsKeepingOnce(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "edge-primary", Labels: map[string]string{v1alpha1.LabelRole: "active", "team": "x"},
		},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "sidecar"}}},
	}
	once := kept(t, pod)
	if once.Spec.NodeName != "n1" || once.Spec.Containers != nil || once.Labels["team"] != "" ||
		once.Labels[v1alpha1.LabelRole] != "active" {
		t.Errorf("kept %v", once)
	}
	for kind, keep := range Kinds() {
		if _, ok := kind.(*corev1.Pod); !ok {
			continue
		}
		if twice, err := keep(once); err != nil || twice != any(once) {
			t.Errorf("got %v (%v)", twice, err)
		}
		gone := toolscache.DeletedFinalStateUnknown{Key: "edge-primary", Obj: once}
		if after, err := keep(gone); err != nil || after != any(gone) {
			t.Errorf("got %v (%v)", after, err)
		}
	}
}

// A pod keeps why a container waits, and nothing of a container that runs.
func TestPodKeepsWhyContainersWait(t *testing.T) {
	waiting := corev1.ContainerStatus{
		Name: "firewall", ImageID: "sha256:0", ContainerID: "containerd://1",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "m"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 3, Message: "no table", ContainerID: "containerd://0",
		}},
	}
	running := corev1.ContainerStatus{
		Name: "sidecar", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}
	light := kept(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-primary"},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{running, waiting}},
	})
	waiting.ImageID, waiting.ContainerID, waiting.LastTerminationState.Terminated.ContainerID = "", "", ""
	if want := []corev1.ContainerStatus{waiting}; !reflect.DeepEqual(light.Status.ContainerStatuses, want) {
		t.Errorf("got %+v, want %+v", light.Status.ContainerStatuses, want)
	}
}
