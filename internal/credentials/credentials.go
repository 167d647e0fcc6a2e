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
	// authorityRenewal is more than a unit's certificate lives, so that none outlives the authority that signed it.
	authorityRenewal = 2 * 365 * day

	// UnitLifetime is for how long the certificate of a unit is good.
	UnitLifetime = 365 * day
	// UnitRenewal is how long before its end the certificate of a unit is renewed. It leaves months in which an operator
	// that is down can come back before the units stop talking.
	UnitRenewal = 90 * day

	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// KeyPair is a certificate and its private key (PKCS #8), both in PEM.
type KeyPair struct {
	Certificate []byte
	Key         []byte
}

// Domain is the DNS domain of a pair's units. No resolver knows it; it only names them in certificates.
func Domain(pair, namespace string) string {
	return pair + "." + namespace + ".hapair"
}

// UnitName is the DNS name that the certificate of a unit has, and that its peer demands of it.
func UnitName(unit, pair, namespace string) string {
	return unit + "." + Domain(pair, namespace)
}

// NewAuthority makes an authority of a pair. It can sign for the names of the pair's domain and for no other, so that
// its key is of no use anywhere else. It is valid whenever one of the certificates is that the units hold now.
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
		return KeyPair{}, fmt.Errorf("making the key of the authority of %s: %w", domain, err)
	}
	return sign(template, key, template, key)
}

// Issue makes the certificate of the unit with this name, which is both a server's and a client's: the secondary dials,
// whichever of the two is active. It is valid whenever one of the certificates is that the units hold now.
func Issue(authority KeyPair, name string, now time.Time, held ...KeyPair) (KeyPair, error) {
	signer, err := tls.X509KeyPair(authority.Certificate, authority.Key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("reading the authority that is to sign for %s: %w", name, err)
	}
	signingKey, ok := signer.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return KeyPair{}, fmt.Errorf("reading the authority that is to sign for %s: its key is a %T, not an ECDSA key",
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
		return KeyPair{}, fmt.Errorf("making the key of %s: %w", name, err)
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

// parse reads the one certificate of a PEM text and refuses anything beside it, so that nobody can slip in a second.
func parse(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != blockCertificate || len(rest) > 0 {
		return nil, errors.New("not exactly one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
