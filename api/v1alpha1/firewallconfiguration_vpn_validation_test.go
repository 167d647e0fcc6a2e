//go:build apiserver

package v1alpha1_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Tunnels of a FirewallConfiguration", func() {
	changed := func(change func(*v1alpha1.SiteToSite)) v1alpha1.SiteToSite {
		s := v1alpha1.SiteToSite{
			Name: "branch", LocalAddress: "203.0.113.1", RemoteAddress: "198.51.100.9",
			PresharedKey:  &v1alpha1.VPNPresharedKey{Key: "branch"},
			LocalNetworks: []string{"192.168.50.0/24"}, RemoteNetworks: []string{"10.77.0.0/24"},
		}
		change(&s)
		return s
	}
	certificate := &v1alpha1.VPNCertificate{Certificate: "tls.crt", PrivateKey: "tls.key", Authority: "ca.crt"}
	DescribeTable("accepts",
		func(ctx SpecContext, tunnel v1alpha1.SiteToSite) {
			configuration := newFirewall()
			configuration.Spec.VPN = &v1alpha1.FirewallVPN{SiteToSite: []v1alpha1.SiteToSite{tunnel}}
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("the smallest", changed(func(*v1alpha1.SiteToSite) {})),
		Entry("every field", changed(func(s *v1alpha1.SiteToSite) {
			s.LocalIdentity, s.RemoteIdentity = "gw.example.com", "CN=branch, O=Example"
			s.Initiation, s.DeadPeerSeconds = "Respond", 3600
			s.IKE = v1alpha1.VPNKeys{Proposals: []string{"aes256-sha256-modp2048"}, RekeySeconds: 60}
			s.ESP = v1alpha1.VPNKeys{Proposals: []string{"aes256gcm16-ecp384"}, RekeySeconds: 65535}
		})),
		Entry("certificates", changed(func(s *v1alpha1.SiteToSite) { s.PresharedKey, s.Certificate = nil, certificate })),
	)
	const first = "spec.vpn.siteToSite[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.SiteToSite)) {
			configuration := newFirewall()
			configuration.Spec.VPN = &v1alpha1.FirewallVPN{SiteToSite: []v1alpha1.SiteToSite{changed(change)}}
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("no authentication", first+".presharedKey", "set one of them",
			func(s *v1alpha1.SiteToSite) { s.PresharedKey = nil }),
		Entry("two kinds of it", first+".presharedKey", "set one of them",
			func(s *v1alpha1.SiteToSite) { s.Certificate = certificate }),
		Entry("a name of a peer", first+".remoteAddress", "must be an IPv4 or IPv6 address",
			func(s *v1alpha1.SiteToSite) { s.RemoteAddress = "branch.example.com" }),
		Entry("a prefix as an address", first+".localAddress", "without a prefix length",
			func(s *v1alpha1.SiteToSite) { s.LocalAddress = "203.0.113.1/24" }),
		Entry("an address as a network", first+".remoteNetworks[0]", "must be a prefix",
			func(s *v1alpha1.SiteToSite) { s.RemoteNetworks = []string{"10.77.0.1"} }),
		Entry("any identity", first+".remoteIdentity", "should match",
			func(s *v1alpha1.SiteToSite) { s.RemoteIdentity = "%any" }),
		Entry("a path as a key", first+".presharedKey.key", "should match",
			func(s *v1alpha1.SiteToSite) { s.PresharedKey = &v1alpha1.VPNPresharedKey{Key: "../branch"} }),
		Entry("an upper-case name", first+".name", "must begin with a letter",
			func(s *v1alpha1.SiteToSite) { s.Name = "Branch" }),
		Entry("keys for seconds", first+".esp.rekeySeconds", "greater than or equal to 60",
			func(s *v1alpha1.SiteToSite) { s.ESP.RekeySeconds = 10 }),
		Entry("a late question", first+".deadPeerSeconds", "less than or equal to 3600",
			func(s *v1alpha1.SiteToSite) { s.DeadPeerSeconds = 3601 }),
		Entry("IKE of another version", first+".initiation", "supported values",
			func(s *v1alpha1.SiteToSite) { s.Initiation = "Aggressive" }),
		Entry("a proposal with a blank", first+".ike.proposals[0]", "should match",
			func(s *v1alpha1.SiteToSite) { s.IKE.Proposals = []string{"aes256 sha256"} }),
		Entry("a long identity", first+".localIdentity", "may not be more than 255",
			func(s *v1alpha1.SiteToSite) { s.LocalIdentity = strings.Repeat("g", 256) }),
	)
})
