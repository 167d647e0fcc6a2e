//go:build netns

package vpn_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

// TestCertificatesAuthenticate has a peer whose certificate is of the authority, and first one of another authority.
func TestCertificatesAuthenticate(t *testing.T) {
	t.Parallel()
	authority := strongswan.NewAuthority(t, "authority.example.com", nil)
	unit := authority.Issue(t, "gw.example.com")
	peer := authority.Issue(t, "branch.example.com")

	b := newBed(t)
	b.write("firewall.json", strings.Replace(example(t), "presharedKey: {key: branch}",
		"certificate: {certificate: tls.crt, privateKey: tls.key, authority: ca.crt}", 1))
	b.write("secret/tls.crt", unit.CertificatePEM())
	b.write("secret/tls.key", unit.KeyPEM(t))
	b.write("secret/ca.crt", strongswan.NewAuthority(t, "other.example.com", nil).CertificatePEM())
	b.start()
	b.startPeer(strings.ReplaceAll(peerConfiguration, "auth = psk", "auth = pubkey"), map[string]string{
		"x509/peer.pem": peer.CertificatePEM(), "private/peer.pem": peer.KeyPEM(t),
		"x509ca/authority.pem": authority.CertificatePEM(),
	})
	testbed.Eventually(t, "the unit refuses a certificate of an unknown authority", func() bool {
		return strings.Contains(b.vpn.Log.String(), "AUTH_FAILED")
	})
	if exchange(t, b.client, b.far, remoteHost) {
		t.Error("TCP passed although the peer's authority is unknown")
	}
	b.write("secret/ca.crt", authority.CertificatePEM())
	testbed.Eventually(t, "TCP passes through the tunnel", func() bool {
		return exchange(t, b.client, b.far, remoteHost)
	})
	if strings.Contains(b.vpn.Log.String(), "PRIVATE KEY") {
		t.Error("the log has the private key")
	}
}
