package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// These are the names of files that programs read. A certificate's files are its name with CertificateSuffix and
// KeySuffix.
const (
	AuthorityName          = "ca"
	ServiceAccountKey      = "service-account.key"
	ServiceAccountVerifier = "service-account.pub"
	CertificateSuffix      = ".crt"
	KeySuffix              = ".key"
)

const (
	authorityValidity   = 10 * 365 * 24 * time.Hour
	certificateValidity = 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is renewed.
	renewBefore = 30 * 24 * time.Hour
	// backdate allows for a clock that is set back after the certificates were created.
	backdate = time.Hour
)

// Certificate describes a certificate. Every certificate serves clients and servers alike.
type Certificate struct {
	Name          string // of its files
	CommonName    string // the user, as Kubernetes sees a client
	Organizations []string
	Addresses     []netip.Addr
	DNSNames      []string
}

// Ensure makes dir contain an authority, all certificates and the service accounts' key.
func Ensure(dir string, certificates []Certificate) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the folder of keys: %w", err)
	}
	authority, err := ensureAuthority(dir)
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	for _, certificate := range certificates {
		if err := authority.ensure(dir, certificate); err != nil {
			return fmt.Errorf("certificate %s: %w", certificate.Name, err)
		}
	}
	if err := ensureServiceAccountKey(dir); err != nil {
		return fmt.Errorf("service accounts' key: %w", err)
	}
	return nil
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func ensureAuthority(dir string) (*authority, error) {
	path := filepath.Join(dir, AuthorityName)
	if certificate, key, err := readPair(path); err == nil && time.Until(certificate.NotAfter) > renewBefore {
		return &authority{certificate: certificate, key: key}, nil
	}
	template := newTemplate("hapair test cluster", authorityValidity)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if err := writePair(path, der, key); err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate: certificate, key: key}, err
}

// ensure creates one certificate, unless the existing one is valid.
func (a *authority) ensure(dir string, wanted Certificate) error {
	path := filepath.Join(dir, wanted.Name)
	if present, _, err := readPair(path); err == nil && a.isValid(present) {
		return nil
	}
	template := newTemplate(wanted.CommonName, certificateValidity)
	template.Subject.Organization = wanted.Organizations
	template.DNSNames = wanted.DNSNames
	for _, address := range wanted.Addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(address.AsSlice()))
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writePair(path, der, key)
}

// isValid reports whether a certificate is of this authority and does not expire soon.
func (a *authority) isValid(certificate *x509.Certificate) bool {
	return certificate.CheckSignatureFrom(a.certificate) == nil && time.Until(certificate.NotAfter) > renewBefore
}

func ensureServiceAccountKey(dir string) error {
	path := filepath.Join(dir, ServiceAccountKey)
	key, err := readKey(path)
	if err != nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
		if err := writeKey(path, key); err != nil {
			return err
		}
	}
	return writePublicKey(filepath.Join(dir, ServiceAccountVerifier), &key.PublicKey)
}
