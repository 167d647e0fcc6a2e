package resources_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"path"
	"slices"
	"strings"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/randfill"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
	"github.com/hapair-io/hapair/internal/state"
)

// replicating returns the settings of the smallest pair with the given replication.
func replicating(t *testing.T, sync contract.Sync) contract.Settings {
	t.Helper()
	all, err := resources.Settings(smallest(), sync)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func hash(t *testing.T, pair *v1alpha1.HAPair, images resources.Images, sync contract.Sync) string {
	t.Helper()
	pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, sync))
	if err != nil {
		t.Fatal(err)
	}
	return pod.Annotations[v1alpha1.AnnotationTemplateHash]
}

// A hash that changes without need replaces units. A hash that does not change leaves outdated units in place.
func TestTemplateHash(t *testing.T) {
	type pair = *v1alpha1.HAPair
	before := hash(t, smallest(), images, contract.Sync{})
	same := func(pair) {}
	otherImages := resources.Images{Sidecar: "x", Firewall: images.Firewall}
	tests := map[string]struct {
		change  func(pair)
		images  resources.Images
		sync    contract.Sync
		changes bool
	}{
		"nothing":              {same, images, contract.Sync{}, false},
		"restored from backup": {func(p pair) { p.UID = "other" }, images, contract.Sync{}, false},
		"document": {func(p pair) {
			p.Spec.Firewall.ConfigurationRef = &v1alpha1.FirewallConfigurationReference{Name: "x"}
		}, images, contract.Sync{}, false},
		"service": {func(p pair) {
			p.Spec.Service = &v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "x", Port: 1}}}
		}, images, contract.Sync{}, false},
		"paused":           {func(p pair) { p.Spec.Paused = true }, images, contract.Sync{}, false},
		"image":            {func(p pair) { p.Spec.Firewall.Image = "x" }, images, contract.Sync{}, true},
		"operator's image": {same, otherImages, contract.Sync{}, true},
		"attachment":       {func(p pair) { p.Spec.Networks[0].Attachment.Multus.Name = "x" }, images, contract.Sync{}, true},
		"settings":         {same, images, contract.Sync{Classes: []contract.SyncClass{{Name: "ConnectionCache"}}}, true},
		"throttle":         {same, images, contract.Sync{RecordsPerSecond: 5, KilobitsPerSecond: 7}, false},
		"node selector": {func(p pair) {
			p.Spec.Units.Scheduling.NodeSelector = map[string]string{"a": "b"}
		}, images, contract.Sync{}, true},
		"first IPv6 address": {func(p pair) {
			p.Spec.Networks[0].VirtualAddresses = []string{"fd50::1/64"}
		}, images, contract.Sync{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pair := smallest()
			test.change(pair)
			if changed := hash(t, pair, test.images, test.sync) != before; changed != test.changes {
				t.Errorf("changed: %v, want %v", changed, test.changes)
			}
		})
	}
}

func TestEndpointSlice(t *testing.T) {
	pair := largest()
	pair.Spec.Service.Target = v1alpha1.TargetActiveUnit
	if slice := resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv4, nil); len(slice.Endpoints) != 0 {
		t.Errorf("got endpoints without an active unit: %v", slice.Endpoints)
	}
	leaving := &resources.Endpoint{Pod: "edge-primary", Address: "10.1.1.7", Ready: true, Terminating: true}
	slice := resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv4, leaving)
	conditions := slice.Endpoints[0].Conditions
	if *conditions.Ready || !*conditions.Serving || !*conditions.Terminating {
		t.Errorf("want an active unit that is being deleted to serve until its peer takes over, got %+v", conditions)
	}
}

func TestSync(t *testing.T) {
	skip := v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip}
	tests := map[string]struct {
		policy *v1alpha1.SyncPolicy
		want   string
		err    string
	}{
		"no policy": {nil, classesWith(`{"name":"ConnectionCache"}`) + `,"auditIntervalSeconds":600}`, ""},
		"empty policy": {
			&v1alpha1.SyncPolicy{}, classesWith(`{"name":"ConnectionCache"}`) + `,"auditIntervalSeconds":600}`, "",
		},
		"class with its default": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{
				{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeDefault, Weight: 3},
			}}},
			classesWith(`{"name":"ConnectionCache","weight":3}`) + `,"auditIntervalSeconds":600}`, "",
		},
		"class that is always replicated": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{{Name: "Configuration"}}}}, "",
			"spec.classes[0].name: class Configuration is always replicated and must not be named; leave it out",
		},
		"class skipped": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{skip}}},
			classesWith("") + `,"auditIntervalSeconds":600}`, "",
		},
		"everything": {
			policy(),
			classesWith(`{"name":"ConnectionCache","options":{"protocols":["TCP","UDP"],`+
				`"excludedNetworks":["198.51.100.0/24"]}}`) + `,"recordsPerSecond":50000,"auditIntervalSeconds":600}`, "",
		},
		"every other option": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{
				Classes: connectionCache(v1alpha1.ConnectionCacheOptions{
					TCPStates: []v1alpha1.TCPState{"TimeWait", "Established"}, MinimumAgeSeconds: 5,
				}),
				Throttle: &v1alpha1.SyncThrottle{KilobitsPerSecond: 10_000},
				Audit:    &v1alpha1.SyncAudit{IntervalSeconds: 3600},
			}},
			classesWith(`{"name":"ConnectionCache","options":{"tcpStates":["Established","TimeWait"],`+
				`"minimumAgeSeconds":5}}`) + `,"kilobitsPerSecond":10000,"auditIntervalSeconds":3600}`, "",
		},
		"unknown state": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: connectionCache(v1alpha1.ConnectionCacheOptions{
				TCPStates: []v1alpha1.TCPState{"Other"},
			})}}, "", `spec.classes[0].connectionCache.tcpStates[0]: unknown TCP state "Other"; known: Close, ` +
				`CloseWait, Established, FinWait, LastAck, SimultaneousOpen, SynReceived, SynSent, TimeWait`,
		},
		"unknown class": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{{Name: "Other"}}}}, "",
			`spec.classes[0].name: unknown class "Other"; known: ` + strings.Join(state.Classes().Selectable(), ", "),
		},
		"unknown protocol": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: connectionCache(v1alpha1.ConnectionCacheOptions{
				Protocols: []v1alpha1.ConnectionProtocol{"TCP", "IPX"},
			})}}, "", `spec.classes[0].connectionCache.protocols[1]: unknown protocol "IPX"; ` +
				`known: GRE, ICMP, ICMPv6, SCTP, TCP, UDP`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := resources.Sync(test.policy)
			if fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if err != nil {
				return
			}
			if encoded, _ := json.Marshal(got); string(encoded) != test.want {
				t.Errorf("got %s, want %s", encoded, test.want)
			}
		})
	}
}

// classesWith returns the classes of settings, up to their closing bracket: an item of class ConnectionCache, or none
// if it is empty, and all others that are replicated by default.
func classesWith(connectionCache string) string {
	var items []string
	for _, row := range state.Classes() {
		switch {
		case row.ID == state.ConnectionCache && connectionCache != "":
			items = append(items, connectionCache)
		case row.ID != state.ConnectionCache && row.Default == state.Replicated:
			items = append(items, fmt.Sprintf(`{"name":%q}`, row.Name))
		}
	}
	return `{"classes":[` + strings.Join(items, ",") + `]`
}

// Every spec must give objects or an error, and never a panic: one pair must not stop the operator for all others.
func TestAnySpec(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	filler := randfill.NewWithSeed(int64(seed)).NilChance(0.3).NumElements(0, 4).Funcs(
		func(address *string, c randfill.Continue) {
			// Some values are valid, so that the code beyond the parsers runs too.
			choices := []string{
				"", "lan", "192.0.2.1/24", "2001:db8::1/64", "::ffff:192.0.2.1/120", "fe80::1%lan/64", c.String(8),
			}
			*address = choices[c.Intn(len(choices))]
		},
		func(document *runtime.RawExtension, c randfill.Continue) { document.Raw = []byte(c.String(8)) },
	)
	for range 2000 {
		pair, policy := &v1alpha1.HAPair{}, &v1alpha1.SyncPolicy{}
		filler.Fill(&pair.Spec)
		filler.Fill(&policy.Spec)
		filler.Fill(&pair.Name)
		pair.Namespace = "any"
		for _, unit := range v1alpha1.Units() {
			if _, err := resources.Pod(pair, unit, images, replicating(t, contract.Sync{})); err != nil {
				continue
			}
			once, again := hash(t, pair, images, contract.Sync{}), hash(t, pair, images, contract.Sync{})
			if once != again {
				t.Fatalf("two hashes of one spec: %+v", pair.Spec)
			}
		}
		if _, err := everything(pair, policy); err != nil {
			continue
		}
	}
}

// The operator must refuse settings that a sidecar would refuse.
func TestSettingsAreValidated(t *testing.T) {
	pair := smallest()
	pair.Spec.Failover.LeaseDurationSeconds = 1
	if _, err := everything(pair, nil); err == nil {
		t.Error("got settings with a lease duration of one second, want an error")
	}
	pair = smallest()
	pair.Spec.Networks[1].VirtualAddresses = []string{"203.0.113.1"}
	_, err := everything(pair, nil)
	want := `spec.networks[1].virtualAddresses[0]: netip.ParsePrefix("203.0.113.1"): no '/'`
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func settingsOf(t *testing.T, change func(*v1alpha1.HAPair)) contract.Settings {
	t.Helper()
	pair := smallest()
	change(pair)
	sidecar, err := resources.Settings(pair, contract.Sync{})
	if err != nil {
		t.Fatal(err)
	}
	return sidecar
}

// The derived grant must equal the grant that the validation rules of the API calculate.
func TestGrant(t *testing.T) {
	for name, test := range map[string]struct {
		interval, missed, grant int32
		want                    int32
	}{
		"default":                           {0, 0, 0, 450},
		"half of the detection":             {50, 3, 0, 225},
		"the minimum margin":                {20, 3, 0, 120},
		"the boundary between both margins": {40, 3, 0, 180},
		"an odd detection":                  {11, 11, 0, 181},
		"the slowest":                       {1000, 10, 0, 15000},
		"given":                             {100, 3, 500, 500},
	} {
		t.Run(name, func(t *testing.T) {
			got := settingsOf(t, func(p *v1alpha1.HAPair) {
				p.Spec.Failover.HeartbeatIntervalMilliseconds = test.interval
				p.Spec.Failover.MissedHeartbeats = test.missed
				p.Spec.Failover.GrantMilliseconds = test.grant
			}).GrantMilliseconds
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestPreemption(t *testing.T) {
	if preempt := settingsOf(t, func(*v1alpha1.HAPair) {}).Preemption; preempt != nil {
		t.Errorf("want no preemption by default, got %+v", preempt)
	}
	preempt := settingsOf(t, func(p *v1alpha1.HAPair) {
		p.Spec.Failover.Preemption.Policy = v1alpha1.PreemptWhenHealthy
	}).Preemption
	if preempt == nil || preempt.DelaySeconds != 300 {
		t.Errorf("got %+v, want a delay of 300", preempt)
	}
}

// A derived MAC address must not change, since neighbours would see a new router. It must differ between networks and
// pairs, since two hosts with one address on a segment break each other's traffic.
func TestVirtualMAC(t *testing.T) {
	auto := func(uid types.UID, network string) string {
		return settingsOf(t, func(p *v1alpha1.HAPair) {
			p.UID = uid
			p.Spec.Networks[0].Name, p.Spec.Networks[0].VirtualMAC.Type = network, v1alpha1.VirtualMACAuto
		}).Networks[0].VirtualMAC
	}
	if got, want := auto("5eed", "lan"), "02:b1:8e:23:d3:52"; got != want {
		t.Errorf("got %s, want %s as in earlier releases", got, want)
	}
	seen := map[string]string{}
	for i := range 1000 {
		for _, network := range []string{"lan", "wan"} {
			address, of := auto(types.UID(fmt.Sprint(i)), network), fmt.Sprint(i, network)
			if parsed, err := net.ParseMAC(address); err != nil || parsed[0] != 2 {
				t.Fatalf("%s: %s is not locally administered (%v)", of, address, err)
			}
			if other, taken := seen[address]; taken {
				t.Fatalf("%s and %s share %s", of, other, address)
			}
			seen[address] = of
		}
	}
	for given, want := range map[v1alpha1.VirtualMACSpec]string{
		{}:                              "",
		{Type: v1alpha1.VirtualMACNone}: "",
		{Type: v1alpha1.VirtualMACStatic, Address: "02:00:5E:10:00:0A"}: "02:00:5e:10:00:0a",
	} {
		got := settingsOf(t, func(p *v1alpha1.HAPair) { p.Spec.Networks[0].VirtualMAC = given }).Networks[0].VirtualMAC
		if got != want {
			t.Errorf("%+v: got %q, want %q", given, got, want)
		}
	}
}

func TestInvalidProbes(t *testing.T) {
	for want, probe := range map[string]v1alpha1.ProbeSpec{
		"spec.failover.monitors.probes[0]: exactly one of icmp, tcp and http must be set": {},
		"spec.failover.monitors.probes[0].icmp.host: ": {
			ICMP: &v1alpha1.ICMPProbe{Host: "gateway.example"},
		},
		"spec.failover.monitors.probes[0].tcp.port: 65536": {
			TCP: &v1alpha1.TCPProbe{Host: "192.0.2.254", Port: 65536},
		},
		"spec.failover.monitors.probes[0].http.port: -1": {
			HTTP: &v1alpha1.HTTPProbe{Host: "192.0.2.254", Port: -1},
		},
	} {
		pair := smallest()
		pair.Spec.Failover.Monitors.Probes = []v1alpha1.ProbeSpec{probe}
		if _, err := resources.Settings(pair, contract.Sync{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The firewall may come from another vendor, so it must not be able to write the state of the sidecar.
func TestOnlySidecarWritesState(t *testing.T) {
	pod, err := resources.Pod(smallest(), v1alpha1.Primary, images, replicating(t, contract.Sync{}))
	if err != nil {
		t.Fatal(err)
	}
	mounts := map[string][]string{}
	for _, container := range pod.Spec.Containers {
		for _, mount := range container.VolumeMounts {
			if mount.ReadOnly == nil || !*mount.ReadOnly {
				mounts[*container.Name] = append(mounts[*container.Name], *mount.MountPath)
			}
		}
	}
	want := map[string][]string{
		"firewall": {"/run/hapair"},
		"sidecar": {
			path.Dir(contract.FirewallFile), contract.StateDirectory, contract.ProvidersDirectory + "/firewall",
		},
	}
	if !maps.EqualFunc(mounts, want, slices.Equal) {
		t.Errorf("got writable mounts %v, want %v", mounts, want)
	}
}

// Only the sidecar mounts the document of the operator. The firewall mounts the document that the sidecar writes.
func TestSidecarDeliversDocument(t *testing.T) {
	pod, err := resources.Pod(smallest(), v1alpha1.Primary, images, replicating(t, contract.Sync{}))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, volume := range pod.Spec.Volumes {
		switch {
		case volume.ConfigMap != nil:
			kinds[*volume.Name] = *volume.ConfigMap.Name
		case volume.EmptyDir != nil:
			kinds[*volume.Name] = string(*volume.EmptyDir.Medium)
		}
	}
	mounts := map[string]string{}
	for _, container := range pod.Spec.Containers {
		for _, mount := range container.VolumeMounts {
			mounts[*container.Name+" "+*mount.MountPath] = kinds[*mount.Name]
		}
	}
	for mount, want := range map[string]string{
		"sidecar " + path.Dir(contract.GivenFile):     "edge-firewall",
		"sidecar " + path.Dir(contract.FirewallFile):  "Memory",
		"firewall " + path.Dir(contract.FirewallFile): "Memory",
		"firewall " + path.Dir(contract.GivenFile):    "",
	} {
		if got := mounts[mount]; got != want {
			t.Errorf("%s mounts %q, want %q", mount, got, want)
		}
	}
}

// The API server refuses a link-local address as an endpoint, and with it the whole slice.
func TestServiceLeavesOutLinkLocalAddresses(t *testing.T) {
	pair := smallest()
	pair.Spec.Networks[0].VirtualAddresses = []string{"fe80::1/64", "192.0.2.1/24", "169.254.0.1/16"}
	pair.Spec.Service = &v1alpha1.ServiceSpec{
		Target: v1alpha1.TargetVirtualAddress, Network: pair.Spec.Networks[0].Name,
		Ports: []v1alpha1.ServicePort{{Name: "https", Port: 443}},
	}
	published := resources.ServiceStatus(pair).Status.LoadBalancer.Ingress
	if len(published) != 1 || *published[0].IP != "192.0.2.1" {
		t.Errorf("published %+v", published)
	}
	if slice := resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv6, nil); len(slice.Endpoints) > 0 {
		t.Errorf("endpoints %+v", slice.Endpoints)
	}
}
