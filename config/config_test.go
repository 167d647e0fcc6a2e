// Package config_test checks the manifests of this directory against the types of the API.
package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

func TestSampleHAPair(t *testing.T) {
	var (
		configuration v1alpha1.FirewallConfiguration
		pair          v1alpha1.HAPair
	)
	decode(t, "samples/hapair.yaml", &configuration, &pair)

	if pair.Spec.Firewall.ConfigurationRef.Name != configuration.Name || configuration.Namespace != pair.Namespace {
		t.Errorf("the pair refers to FirewallConfiguration %s/%s, the sample is %s/%s", pair.Namespace,
			pair.Spec.Firewall.ConfigurationRef.Name, configuration.Namespace, configuration.Name)
	}
	sample, err := resources.FirewallDocument(&configuration)
	if err != nil {
		t.Fatalf("the firewall configuration of the sample is invalid: %v", err)
	}
	if text, err := os.ReadFile("samples/hapair.yaml"); err != nil {
		t.Fatal(err)
	} else if _, err := document.ParseManifests(text); err != nil {
		t.Errorf("the sample as a file: %v", err)
	}
	var networks []string
	for _, network := range pair.Spec.Networks {
		networks = append(networks, network.Name)
		attachment := "networks/" + network.Attachment.Multus.Name + ".yaml"
		if _, err := os.Stat(attachment); err != nil {
			t.Errorf("network %s: %v", network.Name, err)
		}
	}
	for _, zone := range sample.Zones {
		for _, name := range zone.Interfaces {
			if !slices.Contains(networks, name) {
				t.Errorf("zone %s has interface %s, which is not a network of the pair", zone.Name, name)
			}
		}
	}

	var policy v1alpha1.SyncPolicy
	decode(t, "samples/syncpolicy.yaml", &policy)
	if policy.Name != pair.Spec.SyncPolicyRef.Name || policy.Namespace != pair.Namespace {
		t.Errorf("the pair refers to SyncPolicy %s/%s, the sample is %s/%s",
			pair.Namespace, pair.Spec.SyncPolicyRef.Name, policy.Namespace, policy.Name)
	}
}

func TestNetworks(t *testing.T) {
	for name, master := range map[string]string{"lan": "lan0", "wan": "wan0"} {
		var definition struct {
			APIVersion string                           `json:"apiVersion"`
			Kind       string                           `json:"kind"`
			Metadata   struct{ Name, Namespace string } `json:"metadata"`
			Spec       struct{ Config string }          `json:"spec"`
		}
		decode(t, "networks/"+name+".yaml", &definition)
		if definition.Kind != "NetworkAttachmentDefinition" || definition.Metadata.Name != name {
			t.Errorf("%s.yaml is %s %s", name, definition.Kind, definition.Metadata.Name)
		}
		var plugin struct {
			CNIVersion, Name, Type, Master, Mode string
		}
		strict := json.NewDecoder(strings.NewReader(definition.Spec.Config))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&plugin); err != nil {
			t.Fatalf("%s.yaml: decoding the plugin's configuration: %v", name, err)
		}
		if plugin.Type != "macvlan" || plugin.Mode != "bridge" || plugin.Master != master || plugin.Name != name {
			t.Errorf("%s.yaml: unexpected plugin configuration %+v", name, plugin)
		}
	}
}

// TestKustomizations checks that each kustomization lists every manifest of its directory. A manifest that is not
// listed is never applied.
func TestKustomizations(t *testing.T) {
	lists, err := filepath.Glob("*/kustomization.yaml")
	if err != nil || len(lists) == 0 {
		t.Fatalf("found no kustomization: %v", err)
	}
	for _, list := range lists {
		var kustomization struct {
			APIVersion  string            `json:"apiVersion"`
			Kind        string            `json:"kind"`
			Namespace   string            `json:"namespace"`
			SortOptions map[string]string `json:"sortOptions"`
			Resources   []string          `json:"resources"`
		}
		decode(t, list, &kustomization)
		manifests, err := filepath.Glob(filepath.Dir(list) + "/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, manifest := range manifests {
			name := filepath.Base(manifest)
			if name != "kustomization.yaml" && !slices.Contains(kustomization.Resources, name) {
				t.Errorf("%s does not list %s", list, name)
			}
		}
		if want := len(manifests) - 1; len(kustomization.Resources) != want {
			t.Errorf("%s lists %d manifests, there are %d", list, len(kustomization.Resources), want)
		}
	}
}

// decode reads the objects of a file, in order. It refuses unknown fields and duplicate keys.
func decode(t *testing.T, file string, into ...any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects := strings.Split(string(text), "\n---\n")
	if len(objects) != len(into) {
		t.Fatalf("%s has %d objects, want %d", file, len(objects), len(into))
	}
	for i, object := range objects {
		if err := yaml.UnmarshalStrict([]byte(object), into[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}
