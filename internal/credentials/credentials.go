package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

const (
	day = 24 * time.Hour

	authorityLifetime = 10 * 365 * day
	// authorityRenewal exceeds the lifetime of a unit's certificate, so that no certificate outlives its authority.
	authorityRenewal = 2 * 365 * day

	// UnitLifetime is the validity of a unit's certificate.
	UnitLifetime = 365 * day
	// UnitRenewal is the time before expiry at which a unit's certificate is renewed. An operator that is down has these
	// months to come back before the units lose their session.
	UnitRenewal = 90 * day

	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// KeyPair is a certificate and its private key (PKCS #8), both as PEM.
type KeyPair struct {
	Certificate []byte
	Key         []byte
}

// Domain returns the DNS domain of a pair's units. It is used in certificates only, and no resolver knows it.
func Domain(pair, namespace string) string {
	return pair + "." + namespace + ".hapair"
}

// UnitName returns the DNS name in a unit's certificate, which its peer verifies.
func UnitName(unit, pair, namespace string) string {
	return unit + "." + Domain(pair, namespace)
}

// NewAuthority creates an authority for a pair. A name constraint limits it to the pair's domain, so that a stolen key
// is useless elsewhere. The authority is valid at least as long as each certificate that the units hold now.
func NewAuthority(domain string, now time.Time, held ...KeyPair) (KeyPair, error) {
	valid := spanOf(authorityLifetime, now, held)
	template := &x509.Certificate{
		Subject:                     pkix.Name{CommonName: "hapair authority"},
		NotBefore:                   valid.from,
		NotAfter:                    valid.to,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{domain},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeyPair{}, fmt.Errorf("generating the key of the authority of %s: %w", domain, err)
	}
	return sign(template, key, template, key)
}

// Issue creates the certificate of the unit with this name. It is for both servers and clients: the secondary dials,
// whichever unit is active. It is valid at least as long as each certificate that the units hold now.
func Issue(authority KeyPair, name string, now time.Time, held ...KeyPair) (KeyPair, error) {
	signer, err := tls.X509KeyPair(authority.Certificate, authority.Key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("parsing the authority for %s: %w", name, err)
	}
	signingKey, ok := signer.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return KeyPair{}, fmt.Errorf("parsing the authority for %s: its key is a %T and must be an ECDSA key",
			name, signer.PrivateKey)
	}
	valid := spanOf(UnitLifetime, now, held)
	template := &x509.Certificate{
		NotBefore:             earlier(valid.from, signer.Leaf.NotBefore),
		NotAfter:              valid.to,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           bothUsages(),
		BasicConstraintsValid: true,
		DNSNames:              []string{name},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeyPair{}, fmt.Errorf("generating the key of %s: %w", name, err)
	}
	return sign(template, key, signer.Leaf, signingKey)
}

func bothUsages() []x509.ExtKeyUsage {
	return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
}

func sign(template *x509.Certificate, key *ecdsa.PrivateKey,
	signer *x509.Certificate, signingKey *ecdsa.PrivateKey,
) (KeyPair, error) {
	certificate, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signingKey)
	if err != nil {
		return KeyPair{}, fmt.Errorf("signing a certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("encoding a private key: %w", err)
	}
	return KeyPair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: certificate}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: encoded}),
	}, nil
}

// parse parses a PEM text with exactly one certificate. It refuses further content, so that no second one is hidden.
func parse(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != blockCertificate || len(rest) > 0 {
		return nil, errors.New("not exactly one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
