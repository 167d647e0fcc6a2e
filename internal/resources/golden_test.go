package resources_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

var update = flag.Bool("update", false, "write the objects to testdata instead of comparing them")

var images = resources.Images{
	Sidecar: "hapair.example/sidecar:1.0", Firewall: "hapair.example/firewall:1.0", VPN: "hapair.example/vpn:1.0",
	Routing: "hapair.example/routing:1.0",
}

// smallest returns a pair without optional fields.
func smallest() *v1alpha1.HAPair {
	return &v1alpha1.HAPair{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "site-a", UID: "5eed"},
		Spec: v1alpha1.HAPairSpec{
			Networks: []v1alpha1.NetworkSpec{
				network("lan", "lan", "", "192.168.50.1/24"),
				network("wan", "wan", "", "203.0.113.1/24"),
			},
		},
	}
}

// largest returns a pair with every field set.
func largest() *v1alpha1.HAPair {
	pair := smallest()
	pair.Spec.Networks = []v1alpha1.NetworkSpec{
		network("lan", "office", "networks", "192.168.50.1/24", "fd50::1/64"),
		network("wan", "uplink", "", "203.0.113.1/24"),
	}
	pair.Spec.Networks[0].VirtualMAC.Type = v1alpha1.VirtualMACAuto
	pair.Spec.Networks[1].VirtualMAC = v1alpha1.VirtualMACSpec{
		Type: v1alpha1.VirtualMACStatic, Address: "02:00:5E:10:00:01",
	}
	pair.Spec.Paused = true
	pair.Spec.Firewall.Image = "firewall.example/other:2"
	pair.Spec.Units = everyUnitField()
	pair.Spec.Providers = providers()
	pair.Spec.VPN = &v1alpha1.VPNSpec{SecretName: "edge-vpn"}
	pair.Spec.DynamicRouting = &v1alpha1.DynamicRoutingSpec{SecretName: "edge-routing"}
	pair.Spec.Service = &v1alpha1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Target: v1alpha1.TargetVirtualAddress, Network: "lan",
		IPFamilyPolicy: corev1.IPFamilyPolicyPreferDualStack,
		Ports: []v1alpha1.ServicePort{
			{Name: "https", Port: 443},
			{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: 5353},
		},
	}
	pair.Spec.Failover = v1alpha1.FailoverSpec{
		HeartbeatIntervalMilliseconds: 50, MissedHeartbeats: 4, GrantMilliseconds: 400, LeaseDurationSeconds: 3,
		Isolation: v1alpha1.IsolationKeepForwarding,
		Preemption: v1alpha1.PreemptionSpec{
			Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32),
		},
		Monitors: v1alpha1.MonitorsSpec{DampingSeconds: 10, Probes: probes()},
	}
	return pair
}

// everyUnitField returns units with every field set.
func everyUnitField() v1alpha1.UnitsSpec {
	return v1alpha1.UnitsSpec{
		Metadata: v1alpha1.UnitMetadata{
			Labels: map[string]string{"example.com/team": "edge"}, Annotations: map[string]string{"example.com/cost": "7"},
		},
		Scheduling: v1alpha1.SchedulingSpec{
			NodeSelector: map[string]string{"example.com/edge": "true"},
			Tolerations: []corev1.Toleration{
				{Key: "edge", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
			},
			Affinity: &corev1.Affinity{
				PodAntiAffinity: &corev1.PodAntiAffinity{
					RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
						TopologyKey:   corev1.LabelHostname,
						LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "noisy"}},
					}},
				},
			},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
				{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway},
			},
			PriorityClassName: "network-critical",
			AllowSameNode:     true,
		},
		RuntimeClassName: "kata",
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
		Sidecar: v1alpha1.ContainerSpec{
			Resources: corev1.ResourceRequirements{
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
			},
			LogLevel: v1alpha1.LogDebug,
		},
		Firewall: v1alpha1.ContainerSpec{
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
			},
			LogLevel: v1alpha1.LogDebug,
		},
		Routing: &v1alpha1.ContainerSpec{LogLevel: v1alpha1.LogDebug},
		VPN: &v1alpha1.ContainerSpec{
			Resources: corev1.ResourceRequirements{
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
			},
			LogLevel: v1alpha1.LogDebug,
		},
	}
}

func probes() []v1alpha1.ProbeSpec {
	return []v1alpha1.ProbeSpec{
		{Name: "gateway", Network: "wan", ICMP: &v1alpha1.ICMPProbe{Host: "203.0.113.254"}},
		{
			Name: "database", Network: "lan", TCP: &v1alpha1.TCPProbe{Host: "fd50::5432", Port: 5432},
			IntervalMilliseconds: 200, TimeoutMilliseconds: 100, FailureThreshold: 5, SuccessThreshold: 1,
		},
		{Name: "portal", Network: "lan", HTTP: &v1alpha1.HTTPProbe{Host: "192.168.50.80", Port: 8080, Path: "/healthz"}},
	}
}

func policy() *v1alpha1.SyncPolicy {
	return &v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{
		Classes: connectionCache(v1alpha1.ConnectionCacheOptions{
			Protocols:        []v1alpha1.ConnectionProtocol{"UDP", "TCP"},
			ExcludedNetworks: []string{"198.51.100.0/24"},
		}),
		Throttle: &v1alpha1.SyncThrottle{RecordsPerSecond: 50000},
	}}
}

func connectionCache(o v1alpha1.ConnectionCacheOptions) []v1alpha1.SyncClass {
	return []v1alpha1.SyncClass{{Name: v1alpha1.ConnectionCache, ConnectionCache: &o}}
}

func network(name, attachment, namespace string, addresses ...string) v1alpha1.NetworkSpec {
	return v1alpha1.NetworkSpec{
		Name: name,
		Attachment: v1alpha1.NetworkAttachment{
			Multus: &v1alpha1.MultusAttachment{Name: attachment, Namespace: namespace},
		},
		VirtualAddresses: addresses,
	}
}

// The files of testdata show the objects of a pair. Users see a change of them, and a change of a pod replaces the
// units of every pair. Run the test with -update to write the files again.
func TestGolden(t *testing.T) {
	t.Run("smallest", func(t *testing.T) { golden(t, "smallest.yaml", smallest(), nil) })
	t.Run("largest", func(t *testing.T) { golden(t, "largest.yaml", largest(), policy()) })
}

func golden(t *testing.T, file string, pair *v1alpha1.HAPair, policy *v1alpha1.SyncPolicy) {
	t.Helper()
	objects, err := everything(pair, policy)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, object := range objects {
		encoded, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "---\n%s", encoded)
	}
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs from the objects that the package builds; if that is intended, run "+
			"go test ./internal/resources -update and review the difference. Got:\n%s", path, got.String())
	}
}

// everything returns all objects of a pair, in the order in which the operator creates them.
func everything(pair *v1alpha1.HAPair, policy *v1alpha1.SyncPolicy) ([]any, error) {
	sync, err := resources.Sync(policy)
	if err != nil {
		return nil, err
	}
	settings, err := resources.Settings(pair, sync)
	if err != nil {
		return nil, err
	}
	encoded, err := resources.EncodeSettings(settings)
	if err != nil {
		return nil, err
	}
	objects := []any{}
	if pair.Spec.Service != nil {
		active := &resources.Endpoint{
			Pod: "edge-primary", UID: "90d", Node: "worker-1", Address: "10.1.1.7", Ready: true,
		}
		objects = append(objects, resources.Service(pair), resources.ServiceStatus(pair),
			resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv4, active),
			resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv6, active))
	}
	objects = append(objects, resources.AuthoritySecret(pair, []byte("certificate"), []byte("key")),
		resources.MetricsSecret(pair, "token", []byte("authority")), resources.NetworkPolicy(pair),
		resources.Lease(pair), resources.PodDisruptionBudget(pair),
		resources.SidecarConfigMap(pair, encoded), resources.FirewallConfigMap(pair, []byte("{}\n")))
	for _, unit := range v1alpha1.Units() {
		pod, err := resources.Pod(pair, unit, images, settings)
		if err != nil {
			return nil, err
		}
		objects = append(objects, resources.HAUnit(pair, unit), resources.ServiceAccount(pair, unit),
			resources.Role(pair, unit), resources.RoleBinding(pair, unit),
			resources.UnitSecret(pair, unit, []byte("certificate"), []byte("key"), []byte("authority")), pod)
	}
	return objects, nil
}
