package resources_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

func TestAllowed(t *testing.T) {
	type pair = *v1alpha1.HAPair
	attach := func(namespace string) func(pair) {
		return func(p pair) { p.Spec.Networks[1].Attachment.Multus.Namespace = namespace }
	}
	image := func(name string) func(pair) { return func(p pair) { p.Spec.Firewall.Image = name } }
	provider := func(name string) func(pair) {
		return func(p pair) { p.Spec.Providers = []v1alpha1.ProviderSpec{{Name: "kea", Image: name}} }
	}
	address := func(text string) func(pair) {
		return func(p pair) { p.Spec.Networks[1].VirtualAddresses = []string{text} }
	}
	named := resources.Allowed{AttachmentNamespaces: []string{"networks"}}
	registry := resources.Allowed{Images: []string{"example.test/edge", "registry.test:5000/"}}
	prefixes := resources.Allowed{VirtualAddresses: []netip.Prefix{
		netip.MustParsePrefix("192.168.50.0/24"), netip.MustParsePrefix("203.0.113.0/25"), netip.MustParsePrefix("fd50::/64"),
	}}
	for name, test := range map[string]struct {
		allowed resources.Allowed
		change  func(pair)
		refused string // the field; empty if the pair is allowed
	}{
		"an attachment of the pair's namespace": {resources.Allowed{}, attach("site-a"), ""},
		"an attachment without a namespace":     {resources.Allowed{}, attach(""), ""},
		"an attachment of another namespace": {
			resources.Allowed{}, attach("networks"), "spec.networks[1].attachment",
		},
		"an attachment of an allowed namespace":          {named, attach("networks"), ""},
		"an attachment of a namespace that is not named": {named, attach("network"), "spec.networks[1].attachment"},
		"an attachment of any namespace": {
			resources.Allowed{AttachmentNamespaces: []string{resources.AllowAny}}, attach("x"), "",
		},

		"any image":                         {resources.Allowed{}, image("example.test/other"), ""},
		"the image of the operator":         {registry, image(""), ""},
		"an allowed repository":             {registry, image("example.test/edge"), ""},
		"an allowed repository with a tag":  {registry, image("example.test/edge:1"), ""},
		"an allowed repository by digest":   {registry, image("example.test/edge@sha256:00"), ""},
		"a repository below an allowed one": {registry, image("example.test/edge/fw:1"), ""},
		"an image of an allowed registry":   {registry, image("registry.test:5000/a/b:1"), ""},
		"a repository with a longer name":   {registry, image("example.test/edge-other:1"), "spec.firewall.image: "},
		"a registry with a longer name":     {registry, image("registry.test:50001/a"), "spec.firewall.image: "},
		"an image of another registry":      {registry, image("other.test/example.test/edge"), "spec.firewall.image: "},

		"a provider of an allowed registry": {registry, provider("registry.test:5000/kea"), ""},
		"a provider of another registry":    {registry, provider("other.test/kea"), "spec.providers[0].image: "},

		"any address":                {resources.Allowed{}, address("10.0.0.1/8"), ""},
		"an allowed address":         {prefixes, address("203.0.113.1/24"), ""},
		"an allowed address of IPv6": {prefixes, address("fd50::1/48"), ""},
		"an address outside":         {prefixes, address("203.0.113.200/24"), "spec.networks[1].virtualAddresses[0]: "},
		"the address of a pod":       {prefixes, address("10.244.0.7/32"), "spec.networks[1].virtualAddresses[0]: "},
		"an address of IPv6 outside": {prefixes, address("fd51::1/64"), "spec.networks[1].virtualAddresses[0]: "},
		"text that is no address":    {prefixes, address("x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := smallest()
			test.change(changed)
			errs := test.allowed.Check(changed)
			if test.refused == "" && len(errs) > 0 {
				t.Errorf("got %v", errs)
			}
			if test.refused != "" && (len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), test.refused)) {
				t.Errorf("got %v, want an error about %s", errs, test.refused)
			}
		})
	}
}

// A Service directs clients to the addresses of its network only.
func TestAllowedAddressesOfService(t *testing.T) {
	pair := smallest()
	pair.Spec.Service = &v1alpha1.ServiceSpec{Target: v1alpha1.TargetVirtualAddress, Network: "lan"}
	allowed := resources.Allowed{VirtualAddresses: []netip.Prefix{netip.MustParsePrefix("192.168.50.0/24")}}
	if errs := allowed.CheckService(pair); len(errs) > 0 {
		t.Errorf("got %v for the addresses of lan", errs)
	}
	pair.Spec.Service.Network = "wan"
	if errs := allowed.CheckService(pair); len(errs) != 1 {
		t.Errorf("got %v for the addresses of wan, want one error", errs)
	}
}

// An annotation of another kind would attach what the operator has not checked.
func TestAnnotationsAttachNoNetworks(t *testing.T) {
	pair := smallest()
	pair.Spec.Units.Metadata.Annotations = map[string]string{
		"k8s.v1.cni.cncf.io/networks":      "other/lan",
		"v1.multus-cni.io/default-network": "other/lan",
		"example.com/cost":                 "7",
	}
	pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, contract.Sync{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range pod.Annotations {
		if strings.Contains(value, "other/lan") {
			t.Errorf("the pod has the annotation %s: %s", name, value)
		}
	}
	if pod.Annotations["example.com/cost"] != "7" {
		t.Error("another annotation is missing")
	}
}
