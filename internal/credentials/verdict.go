package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// Verdict is what can be said of a certificate and key that were found. All but Usable mean: make a new one.
type Verdict int

// The verdicts, in the order in which they are looked for.
const (
	// Usable: nothing is to be done before RenewAt.
	Usable Verdict = iota
	// Missing: there is no certificate or no key.
	Missing
	// Malformed: certificate or key cannot be read, or one does not belong to the other.
	Malformed
	// WrongAuthority: the pair's authority did not sign it, or, for an authority, it must not sign for this pair.
	WrongAuthority
	// WrongName: it is not of this unit, or not for both ends of a connection.
	WrongName
	// Expiring: it is past the time at which it should be renewed.
	Expiring
)

// String is the verdict as a person reads it in a log.
func (v Verdict) String() string {
	switch v {
	case Usable:
		return "usable"
	case Missing:
		return "missing"
	case Malformed:
		return "malformed"
	case WrongAuthority:
		return "of another authority"
	case WrongName:
		return "of another name"
	case Expiring:
		return "about to expire"
	default:
		return "unknown"
	}
}

// JudgeAuthority tells whether the authority can go on to sign for the domain.
func JudgeAuthority(authority KeyPair, domain string, now time.Time) Verdict {
	certificate, verdict := read(authority)
	switch {
	case verdict != Usable:
		return verdict
	case !certificate.IsCA || !slices.Equal(certificate.PermittedDNSDomains, []string{domain}):
		return WrongAuthority
	case !now.Before(certificate.NotAfter.Add(-authorityRenewal)):
		return Expiring
	default:
		return Usable
	}
}

// JudgeUnit tells whether the unit with this name can go on to use its certificate. authority is the certificate, in
// PEM, that its peer trusts.
func JudgeUnit(unit KeyPair, authority []byte, name string, now time.Time) Verdict {
	certificate, verdict := read(unit)
	if verdict != Usable {
		return verdict
	}
	signer, err := parse(authority)
	if err != nil || certificate.CheckSignatureFrom(signer) != nil {
		return WrongAuthority
	}
	roots := x509.NewCertPool()
	roots.AddCert(signer)
	for _, usage := range bothUsages() {
		// Judged at a moment at which it is surely valid: its age is asked about next, with a word of its own.
		_, err := certificate.Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, CurrentTime: certificate.NotBefore, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if err != nil {
			return WrongName
		}
	}
	if !now.Before(certificate.NotAfter.Add(-unitRenewal)) {
		return Expiring
	}
	return Usable
}

// RenewAt is when the certificate of a unit that is usable now stops being so by age alone.
func RenewAt(unit KeyPair) (time.Time, bool) {
	certificate, verdict := read(unit)
	if verdict != Usable {
		return time.Time{}, false
	}
	return certificate.NotAfter.Add(-unitRenewal), true
}

func read(pair KeyPair) (*x509.Certificate, Verdict) {
	if len(pair.Certificate) == 0 || len(pair.Key) == 0 {
		return nil, Missing
	}
	certificate, err := parse(pair.Certificate)
	if err != nil {
		return nil, Malformed
	}
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		return nil, Malformed
	}
	return certificate, Usable
}
