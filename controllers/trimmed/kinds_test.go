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
	"github.com/hapair-io/hapair/internal/resources"
)

// trimmed returns an object as the cache stores it.
func trimmed(t *testing.T, whole client.Object) *object {
	t.Helper()
	for kind, trim := range transforms() {
		if reflect.TypeOf(kind) != reflect.TypeOf(whole) {
			continue
		}
		stored, err := trim(whole.DeepCopyObject())
		if err != nil {
			t.Fatal(err)
		}
		return stored.(*object)
	}
	t.Fatalf("%T is not trimmed", whole)
	return nil
}

// appliedFields returns the managed fields of an object to which the operator applied these fields.
func appliedFields(fields string) []metav1.ManagedFieldsEntry {
	return []metav1.ManagedFieldsEntry{{
		Manager: string(apply.FieldOwner), Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}}
}

// A ConfigMap keeps its identity and the digest of what was applied, and none of its content.
func TestTrimmedConfigMap(t *testing.T) {
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
			stored := trimmed(t, test.live)
			live := stored.Object.(*corev1.ConfigMap)
			if got, err := stored.applied.Matches(test.wanted); err != nil || got != test.want {
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

// An informer that lists again passes objects that are trimmed already, and wraps those that were deleted meanwhile.
func TestTrimmingTwiceChangesNothing(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "edge-primary", Labels: map[string]string{v1alpha1.LabelRole: "active", "team": "x"},
		},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "sidecar"}}},
	}
	stored := trimmed(t, pod)
	once := stored.Object.(*corev1.Pod)
	if once.Spec.NodeName != "n1" || once.Spec.Containers != nil || once.Labels["team"] != "" ||
		once.Labels[v1alpha1.LabelRole] != "active" {
		t.Errorf("kept %v", once)
	}
	for kind, trim := range transforms() {
		if _, ok := kind.(*corev1.Pod); !ok {
			continue
		}
		if twice, err := trim(stored); err != nil || twice != any(stored) {
			t.Errorf("got %v (%v)", twice, err)
		}
		gone := toolscache.DeletedFinalStateUnknown{Key: "edge-primary", Obj: stored}
		if after, err := trim(gone); err != nil || after != any(gone) {
			t.Errorf("got %v (%v)", after, err)
		}
	}
}

// A copy of an object has the same digests, and shares nothing that a reader could change.
func TestDeepCopy(t *testing.T) {
	stored := trimmed(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-ca", ManagedFields: appliedFields(`{"f:data":{"f:tls.crt":{}}}`)},
		Data:       map[string][]byte{"tls.crt": []byte("a")},
	})
	copied := stored.DeepCopyObject().(*object)
	if !reflect.DeepEqual(copied, stored) || copied.applied == (Applied{}) {
		t.Errorf("got %v, want %v", copied, stored)
	}
	copied.Object.(*corev1.Secret).Data["tls.crt"][0] = 'b'
	if got := string(stored.Object.(*corev1.Secret).Data["tls.crt"]); got != "a" {
		t.Errorf("a reader changed the cache to %q", got)
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
	light := trimmed(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-primary"},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{running, waiting}},
	}).Object.(*corev1.Pod)
	waiting.ImageID, waiting.ContainerID, waiting.LastTerminationState.Terminated.ContainerID = "", "", ""
	if want := []corev1.ContainerStatus{waiting}; !reflect.DeepEqual(light.Status.ContainerStatuses, want) {
		t.Errorf("got %+v, want %+v", light.Status.ContainerStatuses, want)
	}
}

// The digest of a Secret includes the data that is not kept.
func TestTrimmedMetricsSecret(t *testing.T) {
	data := map[string][]byte{resources.KeyToken: []byte("t"), resources.KeyAuthority: []byte("a")}
	stored := trimmed(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: "edge-metrics", Namespace: "sites",
			ManagedFields: appliedFields(`{"f:data":{"f:` + resources.KeyToken + `":{},"f:` + resources.KeyAuthority + `":{}}}`),
		},
		Data: data,
	})
	got, err := stored.applied.Matches(corev1ac.Secret("edge-metrics", "sites").WithData(data))
	if err != nil || !got {
		t.Errorf("got %v (%v), want a match", got, err)
	}
	if kept := stored.Object.(*corev1.Secret).Data; len(kept) != 1 || kept[resources.KeyToken] == nil {
		t.Errorf("kept %v, want the token alone", kept)
	}
}
