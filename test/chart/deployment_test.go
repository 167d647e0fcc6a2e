package chart

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	managercli "github.com/hapair-io/hapair/internal/cli/manager"
)

func deployment(t *testing.T, arguments ...string) *appsv1.Deployment {
	t.Helper()
	return find[*appsv1.Deployment](t, render(t, arguments...), "-manager")
}

func manager(t *testing.T, arguments ...string) corev1.Container {
	t.Helper()
	containers := deployment(t, arguments...).Spec.Template.Spec.Containers
	if len(containers) != 1 {
		t.Fatalf("want one container, got %d", len(containers))
	}
	return containers[0]
}

func TestArguments(t *testing.T) {
	for name, c := range map[string]struct{ values, want []string }{
		"default": {want: []string{
			"--sidecar-image=ghcr.io/hapair-io/sidecar:" + appVersion(t),
			"--firewall-image=ghcr.io/hapair-io/firewall:" + appVersion(t),
			"--vpn-image=ghcr.io/hapair-io/vpn:" + appVersion(t),
			"--routing-image=ghcr.io/hapair-io/routing:" + appVersion(t),
			"--upgrade-max-pairs=1", "--upgrade-delay=10s",
			"--leader-elect",
			"--health-probe-bind-address=:8081",
			"--metrics-bind-address=0",
			"--log-format=json",
			"-v=0",
		}},
		"everything else": {
			values: []string{
				"image.sidecar.repository=localhost:5000/hapair/sidecar", "image.sidecar.tag=v7",
				"image.firewall.tag=ignored", "image.firewall.digest=sha256:" + strings.Repeat("a", 64),
				"metrics.port=8080", "logging.format=text", "logging.verbosity=4",
			},
			want: []string{
				"--sidecar-image=localhost:5000/hapair/sidecar:v7",
				"--firewall-image=ghcr.io/hapair-io/firewall@sha256:" + strings.Repeat("a", 64),
				"--vpn-image=ghcr.io/hapair-io/vpn:" + appVersion(t),
				"--routing-image=ghcr.io/hapair-io/routing:" + appVersion(t),
				"--upgrade-max-pairs=1", "--upgrade-delay=10s",
				"--leader-elect",
				"--health-probe-bind-address=:8081",
				"--metrics-bind-address=:8080",
				"--log-format=text",
				"-v=4",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := manager(t, set(c.values...)...).Args; !slices.Equal(got, c.want) {
				t.Errorf("arguments:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestArgumentsAreThoseOfTheManager checks that the manager has every flag that the chart sets.
func TestArgumentsAreThoseOfTheManager(t *testing.T) {
	container := manager(t, set("metrics.port=8080", "logging.verbosity=4")...)
	if err := managercli.NewCommand().ParseFlags(container.Args); err != nil {
		t.Errorf("the manager would refuse %q: %v", container.Args, err)
	}
}

func TestManagerImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		values []string
		want   string
	}{
		"default": {want: "ghcr.io/hapair-io/manager:" + appVersion(t)},
		"tag":     {[]string{"image.manager.tag=main"}, "ghcr.io/hapair-io/manager:main"},
		"digest":  {[]string{"image.manager.digest=" + digest}, "ghcr.io/hapair-io/manager@" + digest},
		"mirror":  {[]string{"image.manager.repository=registry:443/a/b_c"}, "registry:443/a/b_c:" + appVersion(t)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := manager(t, set(c.values...)...).Image; got != c.want {
				t.Errorf("image %s, want %s", got, c.want)
			}
		})
	}
}

// TestRestricted checks that the operator meets the restricted Pod Security Standard and has a read-only file system.
func TestRestricted(t *testing.T) {
	pod := deployment(t).Spec.Template.Spec
	if pod.HostNetwork || pod.HostPID || pod.HostIPC || len(pod.Volumes) != 0 {
		t.Error("the operator needs nothing of its host")
	}
	if c := pod.SecurityContext; c.RunAsNonRoot == nil || !*c.RunAsNonRoot || c.RunAsUser == nil || *c.RunAsUser != 65532 {
		t.Errorf("want a user other than root, got %+v", c)
	}
	if p := pod.SecurityContext.SeccompProfile; p == nil || p.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("want the runtime's seccomp profile, got %+v", p)
	}
	got := pod.Containers[0].SecurityContext
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("security context %+v, want %+v", got, want)
	}
	r := pod.Containers[0].Resources
	if r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().IsZero() {
		t.Errorf("want bounded resources, got %+v", r)
	}
}

func TestProbes(t *testing.T) {
	container := manager(t)
	for path, probe := range map[string]*corev1.Probe{
		"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe,
	} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != "health" {
			t.Errorf("want a probe of %s on port health, got %+v", path, probe)
		}
	}
	if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
		return p.Name == "health" && p.ContainerPort == 8081
	}) {
		t.Errorf("port health is not 8081: %+v", container.Ports)
	}
}

func TestSpread(t *testing.T) {
	d := deployment(t)
	constraints := d.Spec.Template.Spec.TopologySpreadConstraints
	if len(constraints) != 1 {
		t.Fatalf("want one constraint, got %+v", constraints)
	}
	c := constraints[0]
	if c.TopologyKey != corev1.LabelHostname || c.WhenUnsatisfiable != corev1.ScheduleAnyway || c.MaxSkew != 1 {
		t.Errorf("want the replicas to prefer different nodes, got %+v", c)
	}
	if !reflect.DeepEqual(c.LabelSelector, d.Spec.Selector) {
		t.Errorf("the constraint selects %v, the Deployment selects %v", c.LabelSelector, d.Spec.Selector)
	}
}

func TestScheduling(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	writeFile(t, values, `
replicas: 1
imagePullSecrets: [{name: registry}]
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{matchExpressions: [{key: edge, operator: DoesNotExist}]}]
priorityClassName: system-cluster-critical
podAnnotations: {example.com/team: "network"}
podLabels: {example.com/team: network, app.kubernetes.io/name: stolen}
resources: {}
metrics: {port: 8080}
serviceAccount: {create: false, name: given}
`)
	release := render(t, "--values", values)
	if budgets := findAll[*policyv1.PodDisruptionBudget](release, ""); len(budgets) != 0 {
		t.Error("a budget for a single operator would forbid nothing, or every drain")
	}
	if accounts := findAll[*corev1.ServiceAccount](release, ""); len(accounts) != 0 {
		t.Error("a ServiceAccount is made although one was named")
	}
	template := find[*appsv1.Deployment](t, release, "").Spec.Template
	pod := template.Spec
	for what, ok := range map[string]bool{
		"imagePullSecrets":  slices.Equal(pod.ImagePullSecrets, []corev1.LocalObjectReference{{Name: "registry"}}),
		"nodeSelector":      pod.NodeSelector["kubernetes.io/os"] == "linux",
		"tolerations":       len(pod.Tolerations) == 1 && pod.Tolerations[0].Operator == corev1.TolerationOpExists,
		"affinity":          pod.Affinity != nil && pod.Affinity.NodeAffinity != nil,
		"priorityClassName": pod.PriorityClassName == "system-cluster-critical",
		"podAnnotations":    template.Annotations["example.com/team"] == "network",
		"podLabels":         template.Labels["example.com/team"] == "network",
		"selector labels":   template.Labels["app.kubernetes.io/name"] == "hapair-manager",
		"serviceAccount":    pod.ServiceAccountName == "given",
		"metrics port":      len(pod.Containers[0].Ports) == 2 && pod.Containers[0].Ports[1].ContainerPort == 8080,
	} {
		if !ok {
			t.Errorf("the pods do not have %s", what)
		}
	}
}

// set returns the arguments of helm that set values.
func set(values ...string) []string {
	var arguments []string
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	return arguments
}

func appVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "/charts/hapair/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var chart struct {
		AppVersion string `json:"appVersion"`
	}
	if err := yaml.Unmarshal(text, &chart); err != nil {
		t.Fatal(err)
	}
	return chart.AppVersion
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The API server adds this default. Without it, a client that compares its own objects with those of the API server
// finds a difference each time.
func TestFieldReferencesSpellOutTheirAPIVersion(t *testing.T) {
	references := 0
	for _, variable := range manager(t).Env {
		if variable.ValueFrom == nil || variable.ValueFrom.FieldRef == nil {
			continue
		}
		references++
		if got := variable.ValueFrom.FieldRef.APIVersion; got != "v1" {
			t.Errorf("the reference of %s has API version %q", variable.Name, got)
		}
	}
	if references == 0 {
		t.Error("the manager has no variable with a reference")
	}
}
