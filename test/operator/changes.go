//go:build apiserver

package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// change is something that a user does to a pair, or that happens to it.
type change struct {
	// what describes the change.
	what string
	// spec changes the spec; nil if something else changes.
	spec edit
	// around changes something else in the pair's namespace.
	around func(ctx context.Context, namespace string) error
}

// draws are the random changes of a spec that always work. Add each new field of the spec here.
var draws = []func(*rand.Rand) change{
	drawNetworks, drawVirtualMAC, drawService, drawImage, drawResources, drawScheduling, drawTiming, drawProbes,
	drawPreemption,
}

// needs draw changes after which something may be missing.
var needs = []func(*rand.Rand) change{drawConfigurationReference, drawPolicyReference, drawRules, drawPolicy, drawPause}

// incidents draw what happens to a pair without a change of its spec.
var incidents = []func(*rand.Rand) change{drawLoss, drawEviction}

// drawPlan draws several changes. Nothing is missing after the last one.
func drawPlan(r *rand.Rand) []change {
	var plan []change
	for range 3 + r.IntN(6) {
		from := pick(r, draws, draws, needs, incidents)
		plan = append(plan, pick(r, from...)(r))
	}
	return append(plan, writeRules(goodRules(r)), writePolicy(0), repair(r))
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// describe returns the description of a change to a value.
func describe(what string, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%s %v", what, value)
	}
	return what + " " + string(text)
}

// repair returns a change after which the pair has everything that it needs.
func repair(r *rand.Rand) change {
	action, ofRules := pick(r, "Accept", "Drop", "Reject"), r.IntN(2) == 0
	var policy *v1alpha1.SyncPolicyReference
	if r.IntN(2) == 0 {
		policy = &v1alpha1.SyncPolicyReference{Name: "slow"}
	}
	what := fmt.Sprintf("corrected, %s, by rules %t", action, ofRules)
	return change{what: describe(what, policy), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.SyncPolicyRef, spec.Paused = policy, false
		if ofRules {
			spec.Networks = slices.DeleteFunc(spec.Networks, func(n v1alpha1.NetworkSpec) bool { return n.Name == "dmz" })
			spec.Firewall.ConfigurationRef = named("rules")
			return
		}
		spec.Firewall.ConfigurationRef = named(firewall(action, spec.Networks))
	}}
}

func drawNetworks(r *rand.Rand) change {
	networks := []v1alpha1.NetworkSpec{
		network("lan", pick(r, "192.168.50.1/24", "192.168.51.1/24", "2001:db8:50::1/64")),
		network("wan", "203.0.113.1/24"),
	}
	if r.IntN(2) == 0 {
		networks[1].VirtualAddresses = append(networks[1].VirtualAddresses, "2001:db8:113::1/64", "203.0.113.2/24")
	}
	if r.IntN(2) == 0 {
		dmz := network("dmz", "198.51.100.1/24")
		dmz.Attachment.Multus.Name = "lan"
		networks = append(networks, dmz)
	}
	r.Shuffle(len(networks), func(i, j int) { networks[i], networks[j] = networks[j], networks[i] })
	return change{what: describe("networks", networks), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Networks = networks
		spec.Failover.Monitors.Probes = nil
	}}
}

func drawVirtualMAC(r *rand.Rand) change {
	mac := pick(r, v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACNone},
		v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACAuto},
		v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACStatic, Address: "02:00:5E:10:00:01"})
	return change{what: describe("virtualMAC", mac), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Networks[0].VirtualMAC = mac
	}}
}

func drawService(r *rand.Rand) change {
	ports := []v1alpha1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: 5353},
		{Name: "dns-tcp", Port: 53},
		{Name: "web", Port: 80},
		{Name: "tls", Port: 443, TargetPort: 8443},
		{Name: "sip", Protocol: corev1.ProtocolUDP, Port: 5060},
		{Name: "names", Protocol: corev1.ProtocolUDP, Port: 53},
	}
	if r.IntN(5) == 0 {
		return change{what: "no service", spec: func(spec *v1alpha1.HAPairSpec) { spec.Service = nil }}
	}
	// Two entries are the same port with different names.
	ports = append(ports[r.IntN(2):5], ports[5])[:5]
	r.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
	service := v1alpha1.ServiceSpec{
		Type: pick(r, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort), Ports: ports[:1+r.IntN(4)],
	}
	return change{what: describe("service", service), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Service = service.DeepCopy()
	}}
}

func drawImage(r *rand.Rand) change {
	image := pick(r, "", "example.test/firewall:2", "example.test/firewall:3")
	return change{what: "image " + image, spec: func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = image }}
}

func drawResources(r *rand.Rand) change {
	list := func() corev1.ResourceList {
		if r.IntN(3) == 0 {
			return nil
		}
		return corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(pick(r, "1", "1000m", "0.5")),
			corev1.ResourceMemory: resource.MustParse(pick(r, "128Mi", "134217728", "0.5Gi")),
		}
	}
	requests := list()
	return change{what: describe("requests", requests), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Units.Firewall.Resources.Requests = requests
	}}
}

func drawScheduling(r *rand.Rand) change {
	scheduling := v1alpha1.SchedulingSpec{AllowSameNode: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		scheduling.NodeSelector = map[string]string{"example.test/place": pick(r, "near", "far"), "a": "b"}
	}
	if r.IntN(2) == 0 {
		scheduling.Tolerations = []corev1.Toleration{
			{Key: "far", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
			{
				Key: "lost", Operator: corev1.TolerationOpEqual, Value: "x", Effect: corev1.TaintEffectNoExecute,
				TolerationSeconds: new(int64(r.IntN(100))),
			},
		}
	}
	scheduling.PriorityClassName = pick(r, "", "system-cluster-critical")
	return change{what: describe("scheduling", scheduling), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Units.Scheduling = *scheduling.DeepCopy()
	}}
}

func drawTiming(r *rand.Rand) change {
	timing := pick(r,
		v1alpha1.FailoverSpec{HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, LeaseDurationSeconds: 15},
		v1alpha1.FailoverSpec{HeartbeatIntervalMilliseconds: 50, MissedHeartbeats: 4, LeaseDurationSeconds: 10},
		v1alpha1.FailoverSpec{
			HeartbeatIntervalMilliseconds: 200, MissedHeartbeats: 5, GrantMilliseconds: 2000, LeaseDurationSeconds: 20,
		},
	)
	timing.Isolation = pick(r, v1alpha1.IsolationFence, v1alpha1.IsolationKeepForwarding)
	return change{what: describe("failover", timing), spec: func(spec *v1alpha1.HAPairSpec) {
		timing.Monitors, timing.Preemption = spec.Failover.Monitors, spec.Failover.Preemption
		spec.Failover = timing
	}}
}

func drawPreemption(r *rand.Rand) change {
	preemption := pick(r, v1alpha1.PreemptionSpec{}, v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy},
		v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32(0))})
	return change{what: describe("preemption", preemption), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Failover.Preemption = *preemption.DeepCopy()
	}}
}

func drawProbes(r *rand.Rand) change {
	all := []v1alpha1.ProbeSpec{
		{Name: "gateway", Network: "wan", ICMP: &v1alpha1.ICMPProbe{Host: "203.0.113.254"}},
		{Name: "ssh", Network: "lan", TCP: &v1alpha1.TCPProbe{Host: "192.168.50.9", Port: 22}, FailureThreshold: 5},
		{Name: "web", Network: "lan", HTTP: &v1alpha1.HTTPProbe{Host: "2001:db8:50::9", Path: "/healthz"}},
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	probes := all[:r.IntN(4)]
	return change{what: describe("probes", probes), spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Failover.Monitors = v1alpha1.MonitorsSpec{DampingSeconds: 3, Probes: probes}
	}}
}

func goodRules(r *rand.Rand) v1alpha1.FirewallConfigurationSpec {
	return newFirewall("", "", pick(r, "Accept", "Drop", "Reject")).Spec
}

func badRules() v1alpha1.FirewallConfigurationSpec {
	rules := newFirewall("", "", "Accept").Spec
	rules.Policies[0].To = []string{"moon"}
	return rules
}

func drawConfigurationReference(r *rand.Rand) change {
	name := pick(r, "accept", "drop", "reject", unknownZone, "rules", "nowhere")
	return change{what: "FirewallConfiguration " + name, spec: func(spec *v1alpha1.HAPairSpec) {
		spec.Firewall.ConfigurationRef = named(name)
	}}
}

func drawPolicyReference(r *rand.Rand) change {
	name := pick(r, "", "slow", "nowhere")
	return change{what: "SyncPolicy " + name, spec: func(spec *v1alpha1.HAPairSpec) {
		spec.SyncPolicyRef = nil
		if name != "" {
			spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: name}
		}
	}}
}

func drawPause(r *rand.Rand) change {
	paused := r.IntN(2) == 0
	return change{what: fmt.Sprintf("paused %t", paused), spec: func(spec *v1alpha1.HAPairSpec) { spec.Paused = paused }}
}

func drawRules(r *rand.Rand) change {
	if r.IntN(3) == 0 {
		what := "FirewallConfiguration rules is deleted"
		return change{what: what, around: func(ctx context.Context, namespace string) error {
			return client.IgnoreNotFound(admin.Delete(ctx, rules(namespace)))
		}}
	}
	return writeRules(pick(r, goodRules(r), badRules()))
}

func rules(namespace string) *v1alpha1.FirewallConfiguration {
	return &v1alpha1.FirewallConfiguration{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "rules"}}
}

func writeRules(spec v1alpha1.FirewallConfigurationSpec) change {
	what := describe("FirewallConfiguration rules", spec)
	return change{what: what, around: func(ctx context.Context, namespace string) error {
		return put(ctx, rules(namespace), func(written *v1alpha1.FirewallConfiguration) { written.Spec = spec })
	}}
}

func drawPolicy(r *rand.Rand) change {
	if r.IntN(3) == 0 {
		return change{what: "SyncPolicy slow is deleted", around: func(ctx context.Context, namespace string) error {
			return client.IgnoreNotFound(admin.Delete(ctx, slow(namespace)))
		}}
	}
	return writePolicy(r.IntN(3))
}

func slow(namespace string) *v1alpha1.SyncPolicy {
	return &v1alpha1.SyncPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "slow"}}
}

func writePolicy(number int) change {
	specs := []v1alpha1.SyncPolicySpec{
		{Throttle: &v1alpha1.SyncThrottle{RecordsPerSecond: 1000}},
		{Throttle: &v1alpha1.SyncThrottle{RecordsPerSecond: 1000, KilobitsPerSecond: 5000}},
		{Classes: []v1alpha1.SyncClass{{Name: v1alpha1.ConnectionCache, ConnectionCache: &v1alpha1.ConnectionCacheOptions{
			Protocols: []v1alpha1.ConnectionProtocol{"UDP", "TCP"}, ExcludedNetworks: []string{"192.0.2.0/24"},
		}}}},
	}
	what := fmt.Sprintf("SyncPolicy slow is number %d", number)
	return change{what: what, around: func(ctx context.Context, namespace string) error {
		return put(ctx, slow(namespace), func(policy *v1alpha1.SyncPolicy) { policy.Spec = specs[number] })
	}}
}

// put creates an object, or changes the one that exists.
func put[O client.Object](ctx context.Context, object O, edit func(O)) error {
	err := admin.Get(ctx, client.ObjectKeyFromObject(object), object)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	edit(object)
	if err != nil {
		return admin.Create(ctx, object)
	}
	return admin.Update(ctx, object)
}

func drawLoss(r *rand.Rand) change {
	unit := pick(r, v1alpha1.Units()...)
	what := fmt.Sprintf("pod of %s is deleted", unit)
	return change{what: what, around: func(ctx context.Context, namespace string) error {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "edge-" + string(unit)}}
		return client.IgnoreNotFound(admin.Delete(ctx, pod))
	}}
}

func drawEviction(r *rand.Rand) change {
	unit := pick(r, v1alpha1.Units()...)
	what := fmt.Sprintf("pod of %s is evicted", unit)
	return change{what: what, around: func(ctx context.Context, namespace string) error {
		pod := &corev1.Pod{}
		key := client.ObjectKey{Namespace: namespace, Name: "edge-" + string(unit)}
		if err := admin.Get(ctx, key, pod); err != nil {
			return client.IgnoreNotFound(err)
		}
		pod.Status.Phase, pod.Status.Reason = corev1.PodFailed, "Evicted"
		return client.IgnoreNotFound(admin.Status().Update(ctx, pod))
	}}
}
