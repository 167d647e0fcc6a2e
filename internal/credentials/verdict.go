package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// Verdict is what can be said of a certificate and key that were found. All but Usable mean: there has to be a new one.
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
	// Expired: it is past its end. It is said of authorities and of what others issued; a unit's certificate of the pair's
	// own authority is Expiring whatever its age, since the same is done about it.
	Expired
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
	case Expired:
		return "expired"
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
	case !now.Before(certificate.NotAfter):
		return Expired
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
	if !proves([]*x509.Certificate{certificate}, signer, name) {
		return WrongName
	}
	if !now.Before(certificate.NotAfter.Add(-UnitRenewal)) {
		return Expiring
	}
	return Usable
}

// JudgeIssued tells whether the unit with this name can use a certificate that somebody else issued, with whatever
// stands between it and its authority. Of the authorities, in PEM, it gives those by which the peer can verify it.
func JudgeIssued(issued KeyPair, authorities []byte, name string, now time.Time) (vouching []byte, verdict Verdict) {
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
	vouchers := vouchersOf(chain, certificatesIn(authorities), name, now)
	if len(vouchers) == 0 {
		return nil, WrongAuthority
	}
	return encode(vouchers), Usable
}

// RenewAt is when the certificate of a unit that is usable now stops being so by age alone.
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
