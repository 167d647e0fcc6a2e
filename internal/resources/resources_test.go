package resources_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/randfill"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

func hash(t *testing.T, pair *v1alpha1.HAPair, images resources.Images, settings string) string {
	t.Helper()
	pod, err := resources.Pod(pair, v1alpha1.Primary, images, []byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	return pod.Annotations[v1alpha1.AnnotationTemplateHash]
}

// A hash that changes without need has units replaced; one that does not change leaves them as they are.
func TestTemplateHash(t *testing.T) {
	type pair = *v1alpha1.HAPair
	before := hash(t, smallest(), images, "{}")
	same := func(pair) {}
	otherImages := resources.Images{Sidecar: "x", Firewall: images.Firewall}
	tests := map[string]struct {
		change   func(pair)
		images   resources.Images
		settings string
		changes  bool
	}{
		"nothing":              {same, images, "{}", false},
		"restored from backup": {func(p pair) { p.UID = "other" }, images, "{}", false},
		"document": {func(p pair) {
			p.Spec.Firewall.Configuration.ConfigMapRef = &v1alpha1.ConfigMapKeyReference{Name: "x"}
		}, images, "{}", false},
		"service": {func(p pair) {
			p.Spec.Service = &v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "x", Port: 1}}}
		}, images, "{}", false},
		"image":            {func(p pair) { p.Spec.Firewall.Image = "x" }, images, "{}", true},
		"operator's image": {same, otherImages, "{}", true},
		"attachment":       {func(p pair) { p.Spec.Networks[0].Attachment.Multus.Name = "x" }, images, "{}", true},
		"settings":         {same, images, `{"a":1}`, true},
		"node selector": {func(p pair) {
			p.Spec.Firewall.Scheduling.NodeSelector = map[string]string{"a": "b"}
		}, images, "{}", true},
		"first IPv6 address": {func(p pair) {
			p.Spec.Networks[0].VirtualAddresses = []string{"fd50::1/64"}
		}, images, "{}", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pair := smallest()
			test.change(pair)
			if changed := hash(t, pair, test.images, test.settings) != before; changed != test.changes {
				t.Errorf("changed: %v, want %v", changed, test.changes)
			}
		})
	}
}

func TestEndpointSlice(t *testing.T) {
	pair := largest()
	if slice := resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv4, nil); len(slice.Endpoints) != 0 {
		t.Errorf("without an active unit there are endpoints: %v", slice.Endpoints)
	}
	leaving := &resources.Endpoint{Pod: "edge-primary", Address: "10.1.1.7", Ready: true, Terminating: true}
	slice := resources.EndpointSlice(pair, discoveryv1.AddressTypeIPv4, leaving)
	conditions := slice.Endpoints[0].Conditions
	if *conditions.Ready || !*conditions.Serving || !*conditions.Terminating {
		t.Errorf("an active unit that is being deleted serves until its peer took over, got %+v", conditions)
	}
}

func TestSync(t *testing.T) {
	skip := v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip}
	tests := map[string]struct {
		policy *v1alpha1.SyncPolicy
		want   string
		err    string
	}{
		"no policy":    {nil, `{"classes":["ConnectionCache"]}`, ""},
		"empty policy": {&v1alpha1.SyncPolicy{}, `{"classes":["ConnectionCache"]}`, ""},
		"class skipped": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{skip}}},
			`{"classes":[]}`, "",
		},
		"everything": {
			policy(),
			`{"classes":["ConnectionCache"],"protocols":[6,17],"excludedNetworks":["198.51.100.0/24"],` +
				`"recordsPerSecond":50000}`, "",
		},
		"unknown class": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Classes: []v1alpha1.SyncClass{{Name: "Dreams"}}}}, "",
			`spec.classes[0].name: unknown class "Dreams"; known: ConnectionCache`,
		},
		"unknown protocol": {
			&v1alpha1.SyncPolicy{Spec: v1alpha1.SyncPolicySpec{Connections: &v1alpha1.ConnectionFilter{
				Protocols: []v1alpha1.ConnectionProtocol{"TCP", "IPX"},
			}}}, "", `spec.connections.protocols[1]: unknown protocol "IPX"`,
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

// Whatever the API server admits, and more, must end in objects or in an error, never in a panic: one pair must not
// stop the operator for all the others.
func TestAnySpec(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	filler := randfill.NewWithSeed(int64(seed)).NilChance(0.3).NumElements(0, 4).Funcs(
		func(address *string, c randfill.Continue) {
			// Now and then something that means something.
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
			if _, err := resources.Pod(pair, unit, images, nil); err != nil {
				continue
			}
			once, again := hash(t, pair, images, ""), hash(t, pair, images, "")
			if once != again {
				t.Fatalf("two hashes of one spec: %+v", pair.Spec)
			}
		}
		if _, err := everything(pair, policy); err != nil {
			continue
		}
	}
}

// A settings document that a sidecar would refuse must not reach one.
func TestSettingsAreThoseOfASidecar(t *testing.T) {
	pair := smallest()
	pair.Spec.Failover.LeaseDurationSeconds = 1
	if _, err := everything(pair, nil); err == nil {
		t.Error("a lease duration of one second was written for the sidecars")
	}
	pair = smallest()
	pair.Spec.Networks[1].VirtualAddresses = []string{"203.0.113.1"}
	_, err := everything(pair, nil)
	want := `spec.networks[1].virtualAddresses[0]: netip.ParsePrefix("203.0.113.1"): no '/'`
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
