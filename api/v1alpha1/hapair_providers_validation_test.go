//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("The providers of an HAPair", func() {
	DescribeTable("accept",
		func(ctx SpecContext, change pairChange) {
			pair := newPair()
			change(pair)
			Expect(trial.Create(ctx, pair)).To(Succeed())
		},
		Entry("two that exchange state", providers()),
		Entry("one without classes", provider(func(p *v1alpha1.ProviderSpec) {
			p.Writes = nil
		})),
		Entry("two that change address objects", func(p *v1alpha1.HAPair) {
			providers()(p)
			for i := range p.Spec.Providers {
				p.Spec.Providers[i].Writes = append(p.Spec.Providers[i].Writes, "DynamicAddressObjects")
			}
		}),
		Entry("one that changes some address objects", provider(addressObjects("scanners", "wlan-guests2"))),
		Entry("every field at its bound", provider(func(p *v1alpha1.ProviderSpec) {
			p.Name, p.RunAsUser = strings.Repeat("a", 32), 1<<31-1
			p.Capabilities = []v1alpha1.ProviderCapability{v1alpha1.ProviderBindsPorts, v1alpha1.ProviderSendsRaw}
			p.Writes = manyClasses(8)
			p.Reads = p.Writes
			p.Command, p.Args = []string{"/provider"}, []string{"--socket=$(HAPAIR_SOCKET)", ""}
			p.Env = []v1alpha1.ProviderVariable{{Name: "_A1", Value: "x"}, {Name: "EMPTY"}}
		})),
		Entry("quotas that leave each other class a share", provider(func(p *v1alpha1.ProviderSpec) {
			p.Writes = manyClasses(8)
			p.Quotas = []v1alpha1.ProviderQuota{
				{Class: p.Writes[0], Entries: 65_536 - 7*1024, Mebibytes: 56}, {Class: p.Writes[1], Mebibytes: 2},
			}
		})),
		Entry("eight", func(p *v1alpha1.HAPair) { p.Spec.Providers = manyProviders(8) }),
	)

	DescribeTable("refuse",
		func(ctx SpecContext, field, remedy string, change pairChange) {
			pair := newPair()
			change(pair)
			expectRefusal(ctx, pair, "spec.providers"+field, remedy)
		},
		Entry("nine", "", "must have at most 8 items", func(p *v1alpha1.HAPair) { p.Spec.Providers = manyProviders(9) }),
		Entry("a name twice", "[1]", "Duplicate value", func(p *v1alpha1.HAPair) {
			providers()(p)
			p.Spec.Providers[1].Name = "kea"
		}),
		Entry("a name with capitals", "[0].name", "as in kea",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = "Kea" })),
		Entry("a name that is a path", "[0].name", "as in kea",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = "../x" })),
		Entry("a name that ends in a dash", "[0].name", "as in kea",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = "kea-" })),
		Entry("the name of the firewall", "[0].name", "choose another name",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = "firewall" })),
		Entry("the name of the IKE daemon", "[0].name", "choose another name",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = "vpn" })),
		Entry("too long a name", "[0].name", "may not be more than 32",
			provider(func(p *v1alpha1.ProviderSpec) { p.Name = strings.Repeat("a", 33) })),
		Entry("no image", "[0].image", "at least 1 chars", provider(func(p *v1alpha1.ProviderSpec) { p.Image = "" })),
		Entry("root", "[0].runAsUser", "greater than or equal to 1",
			provider(func(p *v1alpha1.ProviderSpec) { p.RunAsUser = 0 })),
		Entry("the user of the management plane", "[0].runAsUser", "choose another, as in 20001",
			provider(func(p *v1alpha1.ProviderSpec) { p.RunAsUser = 65532 })),
		Entry("nobody", "[0].runAsUser", "choose another, as in 20001",
			provider(func(p *v1alpha1.ProviderSpec) { p.RunAsUser = 65535 })),
		Entry("one user twice", "", "change one of them", func(p *v1alpha1.HAPair) {
			providers()(p)
			p.Spec.Providers[1].RunAsUser = p.Spec.Providers[0].RunAsUser
		}),
		Entry("the capability to change rules", "[0].capabilities[0]", `supported values: "NET_BIND_SERVICE", "NET_RAW"`,
			provider(func(p *v1alpha1.ProviderSpec) { p.Capabilities = []v1alpha1.ProviderCapability{"NET_ADMIN"} })),
		Entry("a class with a slash", "[0].writes[0]", "as in leases",
			provider(func(p *v1alpha1.ProviderSpec) { p.Writes = []v1alpha1.ProviderClassName{"a/b"} })),
		Entry("a class of the catalogue", "[0].writes[0]", "as in leases",
			provider(func(p *v1alpha1.ProviderSpec) { p.Writes = []v1alpha1.ProviderClassName{"ConnectionCache"} })),
		Entry("too long a class", "[0].writes[0]", "may not be more than 63", provider(func(p *v1alpha1.ProviderSpec) {
			p.Writes = []v1alpha1.ProviderClassName{v1alpha1.ProviderClassName(strings.Repeat("a", 64))}
		})),
		Entry("nine classes", "[0].writes", "must have at most 8 items",
			provider(func(p *v1alpha1.ProviderSpec) { p.Writes = manyClasses(9) })),
		Entry("two writers of a class", "", "remove it from the others", func(p *v1alpha1.HAPair) {
			providers()(p)
			p.Spec.Providers[1].Writes = p.Spec.Providers[0].Writes
		}),
		Entry("a class that nobody publishes", "", "add the provider that publishes it",
			provider(func(p *v1alpha1.ProviderSpec) { p.Reads = []v1alpha1.ProviderClassName{"lease"} })),
		Entry("address objects without their class", "[0].addressObjects", "add it to writes, or remove",
			provider(func(p *v1alpha1.ProviderSpec) {
				addressObjects("scanners")(p)
				p.Writes = nil
			})),
		Entry("an address object twice", "[0].addressObjects[1]", "Duplicate value", provider(addressObjects("a", "a"))),
		Entry("an address object with a slash", "[0].addressObjects[0]", "as in scanners", provider(addressObjects("a/b"))),
		Entry("65 address objects", "[0].addressObjects", "must have at most 64 items",
			provider(addressObjects(manyObjects(65)...))),
		Entry("a quota of another's class", "[0].quotas", "one of the provider's own, in its writes",
			provider(quotas(v1alpha1.ProviderQuota{Class: "calls", Entries: 1}))),
		Entry("a quota of nothing", "[0].quotas[0]", "at least 2 properties",
			provider(quotas(v1alpha1.ProviderQuota{Class: "state0"}))),
		Entry("a quota twice", "[0].quotas[1]", "Duplicate value", provider(quotas(
			v1alpha1.ProviderQuota{Class: "state0", Entries: 1}, v1alpha1.ProviderQuota{Class: "state0", Entries: 2}))),
		Entry("too many entries", "[0].quotas[0].entries", "less than or equal to 65536",
			provider(quotas(v1alpha1.ProviderQuota{Class: "state0", Entries: 65_537}))),
		Entry("entries that leave too few for the others", "", "must not exceed 65536 entries", func(p *v1alpha1.HAPair) {
			p.Spec.Providers = manyProviders(2)
			p.Spec.Providers[1].Quotas = []v1alpha1.ProviderQuota{{Class: "state1", Entries: 65_536 - 1023}}
		}),
		Entry("sizes that leave too little for the others", "", "must not exceed 64 mebibytes", func(p *v1alpha1.HAPair) {
			p.Spec.Providers = manyProviders(3)
			p.Spec.Providers[0].Quotas = []v1alpha1.ProviderQuota{{Class: "state0", Mebibytes: 32}}
			p.Spec.Providers[1].Quotas = []v1alpha1.ProviderQuota{{Class: "state1", Mebibytes: 32}}
		}),
		Entry("a variable of the operator", "[0].env[0].name", "choose another name",
			provider(func(p *v1alpha1.ProviderSpec) { p.Env = []v1alpha1.ProviderVariable{{Name: "HAPAIR_SOCKET"}} })),
		Entry("a variable with a dash", "[0].env[0].name", "as in LEASE_SECONDS",
			provider(func(p *v1alpha1.ProviderSpec) { p.Env = []v1alpha1.ProviderVariable{{Name: "LEASE-SECONDS"}} })),
	)
})

// providers adds two valid providers.
func providers() pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Providers = []v1alpha1.ProviderSpec{
			{
				Name: "kea", Image: "kea.example/kea:1", RunAsUser: 20001,
				Writes: []v1alpha1.ProviderClassName{"leases"}, Reads: []v1alpha1.ProviderClassName{"calls"},
			},
			{
				Name: "calls", Image: "calls.example/calls:1", RunAsUser: 20002,
				Writes: []v1alpha1.ProviderClassName{"calls"}, Reads: []v1alpha1.ProviderClassName{"leases"},
			},
		}
	}
}

// provider adds one valid provider with a change.
func provider(change func(*v1alpha1.ProviderSpec)) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Providers = manyProviders(1)
		change(&p.Spec.Providers[0])
	}
}

// addressObjects lets a provider change some address objects.
func addressObjects(names ...v1alpha1.AddressObjectName) func(*v1alpha1.ProviderSpec) {
	return func(p *v1alpha1.ProviderSpec) {
		p.Writes, p.AddressObjects = append(p.Writes, "DynamicAddressObjects"), names
	}
}

func manyObjects(n int) (all []v1alpha1.AddressObjectName) {
	for i := range n {
		all = append(all, v1alpha1.AddressObjectName(fmt.Sprint("a", i)))
	}
	return all
}

func quotas(all ...v1alpha1.ProviderQuota) func(*v1alpha1.ProviderSpec) {
	return func(p *v1alpha1.ProviderSpec) { p.Quotas = all }
}

func manyProviders(n int) []v1alpha1.ProviderSpec {
	var all []v1alpha1.ProviderSpec
	for i := range n {
		all = append(all, v1alpha1.ProviderSpec{
			Name: fmt.Sprintf("p%d", i), Image: "example.test/provider:1", RunAsUser: int64(20001 + i),
			Writes: []v1alpha1.ProviderClassName{v1alpha1.ProviderClassName(fmt.Sprintf("state%d", i))},
		})
	}
	return all
}

func manyClasses(n int) []v1alpha1.ProviderClassName {
	var all []v1alpha1.ProviderClassName
	for i := range n {
		all = append(all, v1alpha1.ProviderClassName(fmt.Sprintf("class%d", i)))
	}
	return all
}
