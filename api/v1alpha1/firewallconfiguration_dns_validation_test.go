//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("DNS of a FirewallConfiguration", func() {
	type settings = v1alpha1.FirewallDNS
	changed := func(change func(*settings)) settings {
		d := settings{
			Listeners: []v1alpha1.DNSListener{{
				Interface: "lan", Address: "192.168.50.1", Clients: []string{"192.168.50.0/24"},
			}},
			Upstreams: []v1alpha1.DNSUpstream{{Address: "192.0.2.53"}},
		}
		change(&d)
		return d
	}
	listener := func(change func(*v1alpha1.DNSListener)) settings {
		return changed(func(d *settings) { change(&d.Listeners[0]) })
	}
	upstream := func(u v1alpha1.DNSUpstream) settings {
		return changed(func(d *settings) { d.Upstreams[0] = u })
	}
	record := func(r v1alpha1.DNSRecord) settings {
		return changed(func(d *settings) { d.Records = []v1alpha1.DNSRecord{r} })
	}
	DescribeTable("accepts",
		func(ctx SpecContext, d settings) {
			configuration := newFirewall()
			configuration.Spec.DNS = &d
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("a listener", changed(func(*settings) {})),
		Entry("the widest clients", changed(func(d *settings) {
			d.Listeners[0].Clients = []string{"10.0.0.0/8"}
			d.Listeners = append(d.Listeners, v1alpha1.DNSListener{
				Interface: "lan", Address: "fd50::1", Clients: []string{"fc00::/7"},
			})
		})),
		Entry("all fields", changed(func(d *settings) {
			d.Upstreams[0] = v1alpha1.DNSUpstream{
				Address: "2001:db8::53", Port: 5353, Protocol: "TCP", Source: "2001:db8:113::1", TimeoutMilliseconds: 50,
			}
			d.Forwarding = []v1alpha1.DNSForwarding{{Domains: []string{"corp.example"}, Upstreams: d.Upstreams}}
			d.LocalDomains, d.LeaseNames, d.RandomCase = []string{"lan"}, "Disabled", "Enabled"
			d.Cache = v1alpha1.DNSCache{Entries: 100, MinSeconds: 60, MaxSeconds: 60, NegativeSeconds: 604800}
		})),
		Entry("1,024 records", changed(func(d *settings) {
			for i := range 1024 {
				d.Records = append(d.Records, v1alpha1.DNSRecord{
					Name: fmt.Sprintf("n%d.%s.example", i, strings.Repeat("x", 60)), Addresses: []string{"192.168.50.20", "fd50::20"},
				})
			}
		})),
		Entry("an alias", record(v1alpha1.DNSRecord{Name: "a", Alias: "b.example"})),
	)

	const at = "spec.dns"
	DescribeTable("refuses",
		func(ctx SpecContext, field, message string, d settings) {
			configuration := newFirewall()
			configuration.Spec.DNS = &d
			err := trial.Create(ctx, configuration)
			Expect(err).To(MatchError(ContainSubstring(field)))
			Expect(err).To(MatchError(ContainSubstring(message)))
		},
		Entry("a link-local address", at+".listeners[0].address", "address must be a virtual address",
			listener(func(l *v1alpha1.DNSListener) { l.Address, l.Clients = "fe80::1", []string{"fd50::/64"} })),
		Entry("everyone", at+".listeners[0].clients[0]", "prefixes of your networks",
			listener(func(l *v1alpha1.DNSListener) { l.Clients = []string{"0.0.0.0/0"} })),
		Entry("half of everyone", at+".listeners[0].clients[0]", "prefixes of your networks",
			listener(func(l *v1alpha1.DNSListener) { l.Address, l.Clients = "fd50::1", []string{"2000::/3"} })),
		Entry("clients of another family", at+".listeners[0].clients", "of the address family",
			listener(func(l *v1alpha1.DNSListener) { l.Clients = []string{"fd50::/64"} })),
		Entry("no clients", at+".listeners[0].clients", "at least 1",
			listener(func(l *v1alpha1.DNSListener) { l.Clients = []string{} })),
		Entry("itself as upstream", at+".upstreams[0].address", "unicast address of a server",
			upstream(v1alpha1.DNSUpstream{Address: "127.0.0.1"})),
		Entry("a source of another family", at+".upstreams[0].source", "of the address family",
			upstream(v1alpha1.DNSUpstream{Address: "192.0.2.53", Source: "fd50::1"})),
		Entry("TLS", at+".upstreams[0].protocol", "supported values",
			upstream(v1alpha1.DNSUpstream{Address: "192.0.2.53", Protocol: "TLS"})),
		Entry("a record without addresses", at+".records[0].addresses", "either addresses or alias",
			record(v1alpha1.DNSRecord{Name: "a"})),
		Entry("a record with both", at+".records[0].addresses", "either addresses or alias",
			record(v1alpha1.DNSRecord{Name: "a", Alias: "b", Addresses: []string{"192.168.50.20"}})),
		Entry("a name in capitals", at+".records[0].name", "DNS name in lower case",
			record(v1alpha1.DNSRecord{Name: "NAS.example", Alias: "b"})),
		Entry("crossed lifetimes", at+".cache.minSeconds", "must not be more than maxSeconds",
			changed(func(d *settings) { d.Cache = v1alpha1.DNSCache{MinSeconds: 61, MaxSeconds: 60} })),
	)
})
