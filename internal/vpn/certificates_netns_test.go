//go:build netns

package vpn_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// identity is a certificate with its private key.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newIdentity returns a certificate for a DNS name. Without an issuer it is an authority.
func newIdentity(t *testing.T, name string, issuer *identity) *identity {
	t.Helper()
	return newCertificate(t, name, issuer, issuer == nil)
}

// newAuthority returns the certificate of an authority that the issuer has signed.
func newAuthority(t *testing.T, name string, issuer *identity) *identity {
	t.Helper()
	return newCertificate(t, name, issuer, true)
}

func newCertificate(t *testing.T, name string, issuer *identity, isAuthority bool) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	parent, signer := template, crypto.Signer(key)
	if isAuthority {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if issuer != nil {
		parent, signer = issuer.certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{certificate, key}
}

func (i *identity) certificatePEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw}))
}

func (i *identity) keyPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestCertificatesAuthenticate has a peer whose certificate is of the authority, and first one of another authority.
func TestCertificatesAuthenticate(t *testing.T) {
	t.Parallel()
	authority := newIdentity(t, "authority.example.com", nil)
	unit := newIdentity(t, "gw.example.com", authority)
	peer := newIdentity(t, "branch.example.com", authority)

	b := newBed(t)
	b.write("firewall.json", strings.Replace(example(t), "presharedKey: {key: branch}",
		"certificate: {certificate: tls.crt, privateKey: tls.key, authority: ca.crt}", 1))
	b.write("secret/tls.crt", unit.certificatePEM())
	b.write("secret/tls.key", unit.keyPEM(t))
	b.write("secret/ca.crt", newIdentity(t, "other.example.com", nil).certificatePEM())
	b.start()
	b.startPeer(strings.ReplaceAll(peerConfiguration, "auth = psk", "auth = pubkey"), map[string]string{
		"x509/peer.pem": peer.certificatePEM(), "private/peer.pem": peer.keyPEM(t),
		"x509ca/authority.pem": authority.certificatePEM(),
	})
	testbed.Eventually(t, "the unit refuses a certificate of an unknown authority", func() bool {
		return strings.Contains(b.vpn.Log.String(), "AUTH_FAILED")
	})
	if exchange(t, b.client, b.far, remoteHost) {
		t.Error("TCP passed although the peer's authority is unknown")
	}
	b.write("secret/ca.crt", authority.certificatePEM())
	testbed.Eventually(t, "TCP passes through the tunnel", func() bool {
		return exchange(t, b.client, b.far, remoteHost)
	})
	if strings.Contains(b.vpn.Log.String(), "PRIVATE KEY") {
		t.Error("the log has the private key")
	}
}
