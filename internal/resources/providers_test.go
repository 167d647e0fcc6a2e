package resources_test

import (
	"encoding/json"
	"path"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

// providers returns a provider with every field set, and the smallest one.
func providers() []v1alpha1.ProviderSpec {
	return []v1alpha1.ProviderSpec{
		{
			Name: "kea", Image: "kea.example/kea:1", RunAsUser: 20001,
			Capabilities: []v1alpha1.ProviderCapability{v1alpha1.ProviderBindsPorts, v1alpha1.ProviderSendsRaw},
			Writes:       []v1alpha1.ProviderClassName{"leases", "declined"},
			Reads:        []v1alpha1.ProviderClassName{"calls"},
			Command:      []string{"/kea"},
			Args:         []string{"--socket=$(HAPAIR_SOCKET)"},
			Env:          []v1alpha1.ProviderVariable{{Name: "LEASE_SECONDS", Value: "3600"}},
			Resources:    corev1.ResourceRequirements{Limits: memory("64Mi")},
		},
		{
			Name: "calls", Image: "calls.example/calls:1", RunAsUser: 20002,
			Writes: []v1alpha1.ProviderClassName{"calls"},
		},
	}
}

func podWithProviders(t *testing.T) *corev1ac.PodSpecApplyConfiguration {
	t.Helper()
	pair := smallest()
	pair.Spec.Providers = providers()
	pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, contract.Sync{}))
	if err != nil {
		t.Fatal(err)
	}
	return pod.Spec
}

// A provider that mounts anything else could read the token of the API server, or speak for another provider.
func TestProviderMountsItsOwnSocketOnly(t *testing.T) {
	mounted := map[string][]string{}
	for _, container := range podWithProviders(t).Containers {
		for _, mount := range container.VolumeMounts {
			readOnly := mount.ReadOnly != nil && *mount.ReadOnly
			text, err := json.Marshal([]any{*mount.Name, *mount.MountPath, readOnly})
			if err != nil {
				t.Fatal(err)
			}
			mounted[*container.Name] = append(mounted[*container.Name], string(text))
		}
	}
	for _, name := range []string{"kea", "calls"} {
		own := resources.ProviderContainerName(name)
		want := []string{`["` + own + `","/run/hapair/api",true]`, `["` + own + `-tmp","/tmp",false]`}
		if got := mounted[own]; !slices.Equal(got, want) {
			t.Errorf("%s mounts %v, want %v", own, got, want)
		}
		socket := `["` + own + `","` + path.Join(contract.ProvidersDirectory, name) + `",false]`
		if !slices.Contains(mounted[resources.ContainerSidecar], socket) {
			t.Errorf("the sidecar mounts %v, want also %s", mounted[resources.ContainerSidecar], socket)
		}
	}
}

func TestProviderSocketsAreInMemory(t *testing.T) {
	volumes := 0
	for _, volume := range podWithProviders(t).Volumes {
		if *volume.Name != "provider-kea" && *volume.Name != "provider-calls" {
			continue
		}
		volumes++
		if volume.EmptyDir == nil || *volume.EmptyDir.Medium != corev1.StorageMediumMemory ||
			volume.EmptyDir.SizeLimit.Value() > 1<<20 {
			t.Errorf("got the volume %+v", volume)
		}
	}
	if volumes != 2 {
		t.Errorf("got %d volumes of providers, want 2", volumes)
	}
}

// The kernel ignores capabilities of a program's file unless privilege escalation is allowed, so it is allowed only to
// those that may have capabilities.
func TestProviderPrivileges(t *testing.T) {
	containers := podWithProviders(t).Containers
	for i, want := range []string{
		`{"capabilities":{"add":["NET_BIND_SERVICE","NET_RAW"],"drop":["ALL"]},"runAsUser":20001,"runAsGroup":20001,` +
			`"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":true,` +
			`"seccompProfile":{"type":"RuntimeDefault"}}`,
		`{"capabilities":{"drop":["ALL"]},"runAsUser":20002,"runAsGroup":20002,` +
			`"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,` +
			`"seccompProfile":{"type":"RuntimeDefault"}}`,
	} {
		if got, err := json.Marshal(containers[2+i].SecurityContext); err != nil || string(got) != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

func TestProviderContainer(t *testing.T) {
	kea := podWithProviders(t).Containers[2]
	got, err := json.Marshal([]any{kea.Name, kea.Image, kea.Command, kea.Args, kea.Env, kea.Resources})
	want := `["provider-kea","kea.example/kea:1",["/kea"],["--socket=$(HAPAIR_SOCKET)"],` +
		`[{"name":"HAPAIR_SOCKET","value":"/run/hapair/api/state.sock"},{"name":"LEASE_SECONDS","value":"3600"}],` +
		`{"limits":{"memory":"64Mi"}}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestProviderSettings(t *testing.T) {
	settings := settingsOf(t, func(p *v1alpha1.HAPair) { p.Spec.Providers = providers() })
	got, err := json.Marshal(settings.Providers)
	want := `[{"name":"kea","uid":20001,"writes":["declined","leases"],"reads":["calls"]},` +
		`{"name":"calls","uid":20002,"writes":["calls"]}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

// A running pod takes no change of a provider, and a sidecar reads its grants at the start only.
func TestTemplateHashOfProviders(t *testing.T) {
	type provider = *v1alpha1.ProviderSpec
	hashOf := func(change func(provider)) string {
		pair := smallest()
		pair.Spec.Providers = providers()
		change(&pair.Spec.Providers[0])
		settings, err := resources.Settings(pair, contract.Sync{})
		if err != nil {
			t.Fatal(err)
		}
		pod, err := resources.Pod(pair, v1alpha1.Primary, images, settings)
		if err != nil {
			t.Fatal(err)
		}
		return pod.Annotations[v1alpha1.AnnotationTemplateHash]
	}
	before := hashOf(func(provider) {})
	for name, change := range map[string]func(provider){
		"image":        func(p provider) { p.Image = "kea.example/kea:2" },
		"user":         func(p provider) { p.RunAsUser++ },
		"capabilities": func(p provider) { p.Capabilities = nil },
		"writes":       func(p provider) { p.Writes = p.Writes[:1] },
		"quotas":       func(p provider) { p.Quotas = []v1alpha1.ProviderQuota{{Class: "leases", Entries: 9}} },
		"reads":        func(p provider) { p.Reads = nil },
		"environment":  func(p provider) { p.Env[0].Value = "60" },
	} {
		if hashOf(change) == before {
			t.Errorf("%s: the hash does not change", name)
		}
	}
	if hashOf(func(p provider) { slices.Reverse(p.Writes) }) != before {
		t.Error("the order of classes changes the hash")
	}
}
