package credentials

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// certificatesIn returns the certificates of a PEM text in order. It skips what it cannot parse: others write such
// texts too, and one bad certificate must not make the others useless.
func certificatesIn(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if block.Type != blockCertificate {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, certificate)
		}
	}
}

func encode(certificates []*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: certificate.Raw})...)
	}
	return text
}

// chainOf returns what a unit presents to its peer: its certificate and the intermediate certificates. It returns
// nothing if the key does not belong to the certificate.
func chainOf(pair KeyPair) []*x509.Certificate {
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		return nil
	}
	return certificatesIn(pair.Certificate)
}

// proves reports whether a chain authenticates the unit with this name to a peer that trusts the authority. It ignores
// the present time. The units check with their own clocks, which may be right when the operator's clock is wrong. The
// callers check for expiry separately.
func proves(chain []*x509.Certificate, authority *x509.Certificate, name string) bool {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(authority)
	start := authority.NotBefore
	for i, certificate := range chain {
		start = later(start, certificate.NotBefore)
		if i > 0 {
			intermediates.AddCert(certificate)
		}
	}
	for _, usage := range bothUsages() {
		_, err := chain[0].Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, Intermediates: intermediates, CurrentTime: start, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if err != nil {
			return false
		}
	}
	return true
}

// verifiersOf returns the authorities that verify the chain and have not expired.
func verifiersOf(
	chain, authorities []*x509.Certificate, name string, now time.Time,
) []*x509.Certificate {
	if len(chain) == 0 || !now.Before(chain[0].NotAfter) {
		return nil
	}
	var verifiers []*x509.Certificate
	for _, authority := range authorities {
		if now.Before(authority.NotAfter) && proves(chain, authority, name) {
			verifiers = append(verifiers, authority)
		}
	}
	return verifiers
}

// join appends the other certificates that are not yet in the list.
func join(certificates []*x509.Certificate, others ...*x509.Certificate) []*x509.Certificate {
	for _, other := range others {
		if !contains(certificates, other) {
			certificates = append(certificates, other)
		}
	}
	return certificates
}

func contains(certificates []*x509.Certificate, one *x509.Certificate) bool {
	return slices.ContainsFunc(certificates, one.Equal)
}

// share reports whether both lists contain a common certificate.
func share(a, b []*x509.Certificate) bool {
	return slices.ContainsFunc(a, func(one *x509.Certificate) bool { return contains(b, one) })
}

// same reports whether a PEM text contains exactly these certificates in this order.
func same(text []byte, certificates []*x509.Certificate) bool {
	return bytes.Equal(text, encode(certificates))
}
