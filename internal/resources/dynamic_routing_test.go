package resources_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// TestOnlyPairsThatAskHaveRoutingDaemons compares pairs with and without spec.dynamicRouting.
func TestOnlyPairsThatAskHaveRoutingDaemons(t *testing.T) {
	asking := smallest()
	asking.Spec.DynamicRouting = &v1alpha1.DynamicRoutingSpec{}
	for want, pair := range map[bool]*v1alpha1.HAPair{false: smallest(), true: asking} {
		pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, contract.Sync{}))
		if err != nil {
			t.Fatal(err)
		}
		if got := hasContainer(pod, resources.ContainerRouting); got != want {
			t.Errorf("the pod has routing daemons: %t, want %t", got, want)
		}
		settings, err := resources.Settings(pair, contract.Sync{})
		if err != nil || settings.DynamicRouting != want {
			t.Errorf("got the settings %+v and %v, want dynamic routing: %t", settings, err, want)
		}
	}
	without := images
	without.Routing = ""
	_, err := resources.Pod(asking, v1alpha1.Primary, without, replicating(t, contract.Sync{}))
	if err == nil || !strings.HasPrefix(err.Error(), "spec.dynamicRouting: this operator has no image") {
		t.Errorf("got %v, want an error in spec.dynamicRouting", err)
	}
}

func TestDocumentWithRoutersNeedsThePair(t *testing.T) {
	d, err := document.Parse([]byte(`{"apiVersion": "hapair.io/v1alpha1", "kind": "FirewallConfiguration", "spec": {
		"zones": [{"name": "lan", "interfaces": ["lan"]}, {"name": "wan", "interfaces": ["wan"]}],
		"routing": {"dynamic": {"rip": {"interfaces": [{"name": "lan", "authentication": {"key": "rip"}}]}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	pair := smallest()
	expect := func(err error, want string) {
		t.Helper()
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	const key = "spec.routing.dynamic.rip.interfaces[0].authentication.key: "
	expect(resources.CheckPair(d, pair.Spec), "spec.routing.dynamic: the units have no routing daemons; "+
		"set spec.dynamicRouting of the HAPair, which adds them")
	pair.Spec.DynamicRouting = &v1alpha1.DynamicRoutingSpec{}
	expect(resources.CheckPair(d, pair.Spec),
		key+"the routing daemons have no Secret; set spec.dynamicRouting.secretName of the HAPair")
	pair.Spec.DynamicRouting.SecretName = "edge-routing"
	expect(resources.CheckPair(d, pair.Spec), "")
	secrets := resources.Secrets(d, pair.Spec)
	if len(secrets) != 1 || secrets[0].Name != "edge-routing" {
		t.Fatalf("got the Secrets %+v", secrets)
	}
	expect(secrets[0].Check(map[string][]byte{"other": []byte("canary")}),
		key+`Secret edge-routing: the Secret has no entry "rip"; add it, or correct the name`)
	expect(secrets[0].Check(map[string][]byte{"rip": []byte("canary")}), "")
}
