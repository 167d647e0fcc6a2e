//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Remote access of a FirewallConfiguration", func() {
	changed := func(change func(*v1alpha1.VPNRemoteAccess)) *v1alpha1.FirewallConfiguration {
		remote := v1alpha1.VPNRemoteAccess{
			LocalAddress: "203.0.113.1", Pools: []string{"10.88.0.0/24"},
			Certificate: v1alpha1.VPNServerCertificate{Certificate: "tls.crt", PrivateKey: "tls.key"},
			Users:       []v1alpha1.VPNUser{{Name: "alice", Password: v1alpha1.VPNPassword{Key: "alice"}}},
		}
		change(&remote)
		configuration := newFirewall()
		configuration.Spec.VPN = &v1alpha1.FirewallVPN{RemoteAccess: &remote}
		return configuration
	}
	DescribeTable("accepts",
		func(ctx SpecContext, change func(*v1alpha1.VPNRemoteAccess)) {
			Expect(trial.Create(ctx, changed(change))).To(Succeed())
		},
		Entry("the smallest", func(*v1alpha1.VPNRemoteAccess) {}),
		Entry("every field", func(r *v1alpha1.VPNRemoteAccess) {
			r.LocalIdentity, r.DeadPeerSeconds = "vpn.example.com", 3600
			r.LocalNetworks, r.DNSServers = []string{"192.168.50.0/24"}, []string{"192.168.50.1"}
			r.IKE = v1alpha1.VPNKeys{Proposals: []string{"aes256-sha256-modp2048"}, RekeySeconds: 60}
			r.ESP = v1alpha1.VPNKeys{Proposals: []string{"aes256gcm16"}, RekeySeconds: 65535}
			r.Users[0].Name = "alice.smith+phone@example.com"
		}),
	)
	const at = "spec.vpn.remoteAccess."
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.VPNRemoteAccess)) {
			expectRefusal(ctx, changed(change), field, remedy)
		},
		Entry("no pool", at+"pools", "should have at least 1 items",
			func(r *v1alpha1.VPNRemoteAccess) { r.Pools = []string{} }),
		Entry("an address as a pool", at+"pools[0]", "a pool must be a prefix",
			func(r *v1alpha1.VPNRemoteAccess) { r.Pools = []string{"10.88.0.1"} }),
		Entry("no user", at+"users", "should have at least 1 items",
			func(r *v1alpha1.VPNRemoteAccess) { r.Users = []v1alpha1.VPNUser{} }),
		Entry("any user", at+"users[0].name", "should match",
			func(r *v1alpha1.VPNRemoteAccess) { r.Users[0].Name = "%any" }),
		Entry("a path as a key", at+"users[0].password.key", "should match",
			func(r *v1alpha1.VPNRemoteAccess) { r.Users[0].Password.Key = "../alice" }),
		Entry("a name as an address", at+"localAddress", "must be an IPv4 or IPv6 address",
			func(r *v1alpha1.VPNRemoteAccess) { r.LocalAddress = "vpn.example.com" }),
		Entry("a prefix as a DNS server", at+"dnsServers[0]", "without a prefix length",
			func(r *v1alpha1.VPNRemoteAccess) { r.DNSServers = []string{"192.168.50.1/24"} }),
	)

	It("is needed, or a tunnel", func(ctx SpecContext) {
		configuration := newFirewall()
		configuration.Spec.VPN = &v1alpha1.FirewallVPN{}
		expectRefusal(ctx, configuration, "spec.vpn", "set one of them, or remove vpn")
	})
})
