package credentials

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// certificatesIn are those of a text in PEM, in its order. What cannot be read is passed over: others write such texts
// too, and one certificate that is no good does not make the rest worse.
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

// chainOf is what a unit shows its peer: its certificate, and what stands between that and an authority. There is none
// when the unit could not prove that the certificate is its own.
func chainOf(pair KeyPair) []*x509.Certificate {
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		return nil
	}
	return certificatesIn(pair.Certificate)
}

// proves tells whether a chain proves to whoever trusts the authority that it is that of the unit with this name. It
// asks for no time: whether a certificate is valid yet is a matter of the units' clocks, which may be right where the
// clock of whoever asks here is wrong; when it is over is asked beside this.
func proves(chain []*x509.Certificate, authority *x509.Certificate, name string) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(authority)
	begun := authority.NotBefore
	for i, certificate := range chain {
		begun = later(begun, certificate.NotBefore)
		if i > 0 {
			between.AddCert(certificate)
		}
	}
	for _, usage := range bothUsages() {
		_, err := chain[0].Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, Intermediates: between, CurrentTime: begun, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if err != nil {
			return false
		}
	}
	return true
}

// vouchersOf are those of the authorities by which the unit's peer can verify the chain, and which are not over.
func vouchersOf(
	chain, authorities []*x509.Certificate, name string, now time.Time,
) []*x509.Certificate {
	if len(chain) == 0 || !now.Before(chain[0].NotAfter) {
		return nil
	}
	var vouching []*x509.Certificate
	for _, authority := range authorities {
		if now.Before(authority.NotAfter) && proves(chain, authority, name) {
			vouching = append(vouching, authority)
		}
	}
	return vouching
}

// join adds to certificates those of others that are not among them.
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

// share tells whether one certificate is among both.
func share(a, b []*x509.Certificate) bool {
	return slices.ContainsFunc(a, func(one *x509.Certificate) bool { return contains(b, one) })
}

// same tells whether a text in PEM is of these certificates, in this order, and of nothing else.
func same(text []byte, certificates []*x509.Certificate) bool {
	return bytes.Equal(text, encode(certificates))
}
