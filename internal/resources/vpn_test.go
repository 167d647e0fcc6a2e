package resources_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

func hasContainer(pod *corev1ac.PodApplyConfiguration, name string) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1ac.ContainerApplyConfiguration) bool {
		return *c.Name == name
	})
}

// TestOnlyPairsThatAskHaveAnIKEDaemon compares pairs with and without spec.vpn.
func TestOnlyPairsThatAskHaveAnIKEDaemon(t *testing.T) {
	asking := smallest()
	asking.Spec.VPN = &v1alpha1.VPNSpec{SecretName: "edge-vpn"}
	for want, pair := range map[bool]*v1alpha1.HAPair{false: smallest(), true: asking} {
		pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, contract.Sync{}))
		if err != nil {
			t.Fatal(err)
		}
		if got := hasContainer(pod, resources.ContainerVPN); got != want {
			t.Errorf("the pod has an IKE daemon: %t, want %t", got, want)
		}
	}
	without := images
	without.VPN = ""
	_, err := resources.Pod(asking, v1alpha1.Primary, without, replicating(t, contract.Sync{}))
	if err == nil || !strings.HasPrefix(err.Error(), "spec.vpn: this operator has no image") {
		t.Errorf("got %v, want an error in spec.vpn", err)
	}
}

func TestDocumentWithTunnelsNeedsThePair(t *testing.T) {
	d, err := document.Parse([]byte(`{"apiVersion": "hapair.io/v1alpha1", "kind": "FirewallConfiguration", "spec": {
		"zones": [{"name": "lan", "interfaces": ["lan"]}, {"name": "wan", "interfaces": ["wan", "ipsec0"]}],
		"vpn": {"siteToSite": [{"name": "branch", "localAddress": "203.0.113.1", "remoteAddress": "198.51.100.9",
			"presharedKey": {"key": "branch"}, "localNetworks": ["192.168.50.0/24"], "remoteNetworks": ["10.77.0.0/24"]}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	pair := smallest()
	expect := func(err error, want string) {
		t.Helper()
		var problems *document.Problems
		if want == "" && err != nil || want != "" && (!errors.As(err, &problems) || problems.Error() != want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	expect(resources.CheckPair(d, pair.Spec),
		"spec.vpn: the units have no IKE daemon; set spec.vpn of the HAPair, which adds one")
	pair.Spec.VPN = &v1alpha1.VPNSpec{SecretName: "edge-vpn"}
	expect(resources.CheckPair(d, pair.Spec), "")
	check := func(entries map[string][]byte) error { return resources.Secrets(d, pair.Spec)[0].Check(entries) }
	expect(check(map[string][]byte{"other": []byte("canary")}),
		`spec.vpn.siteToSite[0].presharedKey.key: Secret edge-vpn: the Secret has no entry "branch"; `+
			`add it, or correct the name`)
	expect(check(map[string][]byte{"branch": []byte("canary")}), "")
}

func TestPasswordsOfUsers(t *testing.T) {
	pair := smallest()
	pair.Spec.VPN = &v1alpha1.VPNSpec{SecretName: "edge-vpn"}
	var d document.Document
	d.VPN.RemoteAccess = document.RemoteAccess{
		LocalAddress: netip.MustParseAddr("203.0.113.1"),
		Certificate:  document.ServerCertificate{Certificate: "tls.crt", PrivateKey: "tls.key"},
		Users:        []document.RemoteUser{{Name: "alice", Password: document.Password{Key: "alice"}}},
	}
	secret := map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K")}
	const field = `spec.vpn.remoteAccess.users[0].password.key: Secret edge-vpn: the `
	for password, want := range map[string]string{
		"": field + `entry "alice" of the Secret is empty; set it`, "Tr0ub4dor": "",
		"Pässwort": field + `entry "alice" of the Secret has characters other than those of ASCII, which clients encode in ` +
			`another way; choose another password`,
	} {
		secret["alice"] = []byte(password)
		if err := resources.Secrets(d, pair.Spec)[0].Check(secret); want == "" && err != nil ||
			want != "" && (err == nil || err.Error() != want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
