package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// Verdict is the result of a check of a certificate and its key. Every verdict but Usable requires a replacement.
type Verdict int

// The verdicts, in the order of the checks.
const (
	// Usable: no action is needed before RenewAt.
	Usable Verdict = iota
	// Missing: there is no certificate or no key.
	Missing
	// Malformed: the certificate or key cannot be parsed, or they do not belong together.
	Malformed
	// WrongAuthority: another authority signed the certificate. An authority has it if it may not sign for this pair.
	WrongAuthority
	// WrongName: the certificate has another unit's name, or is not for both servers and clients.
	WrongName
	// Expiring: the time of renewal has passed.
	Expiring
	// Expired: the validity has ended. Only authorities and certificates of other issuers get this verdict. An expired
	// certificate of the pair's own authority is Expiring, because the remedy is the same.
	Expired
)

// String returns the verdict for logs.
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
	case Expired:
		return "expired"
	default:
		return "unknown"
	}
}

// CheckAuthority returns a verdict on an authority that signs for the domain.
func CheckAuthority(authority KeyPair, domain string, now time.Time) Verdict {
	certificate, verdict := read(authority)
	switch {
	case verdict != Usable:
		return verdict
	case !certificate.IsCA || !slices.Equal(certificate.PermittedDNSDomains, []string{domain}):
		return WrongAuthority
	case !now.Before(certificate.NotAfter):
		return Expired
	case !now.Before(certificate.NotAfter.Add(-authorityRenewal)):
		return Expiring
	default:
		return Usable
	}
}

// CheckUnit returns a verdict on the certificate of the unit with this name. authority is the PEM certificate that the
// unit's peer trusts.
func CheckUnit(unit KeyPair, authority []byte, name string, now time.Time) Verdict {
	certificate, verdict := read(unit)
	if verdict != Usable {
		return verdict
	}
	signer, err := parse(authority)
	if err != nil || certificate.CheckSignatureFrom(signer) != nil {
		return WrongAuthority
	}
	if !proves([]*x509.Certificate{certificate}, signer, name) {
		return WrongName
	}
	if !now.Before(certificate.NotAfter.Add(-UnitRenewal)) {
		return Expiring
	}
	return Usable
}

// CheckIssued returns a verdict on a certificate of another issuer, with its intermediate certificates, for the unit
// with this name. It also returns those of the PEM authorities that verify the certificate.
func CheckIssued(issued KeyPair, authorities []byte, name string, now time.Time) (verifiers []byte, verdict Verdict) {
	if len(issued.Certificate) == 0 || len(issued.Key) == 0 {
		return nil, Missing
	}
	chain := chainOf(issued)
	if len(chain) == 0 {
		return nil, Malformed
	}
	if chain[0].VerifyHostname(name) != nil {
		return nil, WrongName
	}
	if !now.Before(chain[0].NotAfter) {
		return nil, Expired
	}
	found := verifiersOf(chain, certificatesIn(authorities), name, now)
	if len(found) == 0 {
		return nil, WrongAuthority
	}
	return encode(found), Usable
}

// RenewAt returns the time at which a unit's usable certificate is due for renewal.
func RenewAt(unit KeyPair) (time.Time, bool) {
	certificate, verdict := read(unit)
	if verdict != Usable {
		return time.Time{}, false
	}
	return certificate.NotAfter.Add(-UnitRenewal), true
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
