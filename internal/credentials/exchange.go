package credentials

import (
	"crypto/x509"
	"slices"
	"time"
)

// Overlap is how long the Secrets must stay unchanged before a plan assumes that both units have their contents. A
// healthy kubelet delivers a changed Secret within about two minutes: it synchronizes once a minute and caches the
// Secret for another. The rest covers a kubelet that restarts, or that is busy because its node does.
const Overlap = time.Hour

// maxTrusted bounds the number of trusted authorities beyond the necessary ones.
const maxTrusted = 8

// Unit is one unit of a pair, with the contents of its Secret.
type Unit struct {
	// Name is the DNS name that the unit's certificate must have.
	Name string
	// Held is the unit's certificate with its intermediate certificates, and the key.
	Held KeyPair
	// Trusted are the authorities with which the unit verifies its peer, as PEM.
	Trusted []byte
}

// Observation is the state of a pair's credentials at one time.
type Observation struct {
	Units [2]Unit
	// Now is the present time. The clock may be wrong.
	Now time.Time
	// Unchanged is how long both Secrets have been unchanged while both units could receive them. The caller measures it
	// with a monotonic clock. A timestamp in the cluster cannot be used: it comes from the clock of another machine, or
	// the clock has been set since.
	Unchanged time.Duration
	// InSession is set while the units report a session with each other.
	InSession bool
}

// Offer is the certificate that a unit can get.
type Offer struct {
	// Authorities, as PEM, are those that verify the offered certificate.
	Authorities []byte
	// Held is set if the unit already holds the offered certificate.
	Held bool
}

// Action is what the operator does with a unit's certificate.
type Action int

const (
	// Keep keeps the certificate, since it is the offered one.
	Keep Action = iota
	// Take replaces the certificate by the offered one.
	Take
	// Wait keeps the certificate for now, since the peer may not trust the authority of the offered one yet.
	Wait
)

// String returns the name of the action for logs and tests.
func (m Action) String() string {
	switch m {
	case Keep:
		return "keep"
	case Take:
		return "take"
	case Wait:
		return "wait"
	default:
		return "unknown"
	}
}

// Plan is the next change to the credentials of both units.
type Plan struct {
	Actions [2]Action
	// Trusted are the authorities that both units must trust from now on, as PEM.
	Trusted []byte
	// Changes is set if the plan changes a Secret.
	Changes bool
	// RecheckIn is the time after which there is more to do if nothing else changes. It is 0 if there is nothing.
	RecheckIn time.Duration
}

// Exchange plans how the units get the offered certificates. Each unit accepts the other at every moment, however late
// a Secret reaches either of them.
//
// An authority must be trusted before the first and until after the last use of a certificate that it signed. So the
// exchange has three phases. First, both units get the new authority in addition to the old one. After the Secrets were
// unchanged for Overlap, they get the new certificates. After another Overlap, the old authority is removed. Each plan
// follows from the contents of the Secrets alone. The exchange can therefore be interrupted at any point.
//
// An unusable or expired certificate is replaced at once, since the unit cannot use it anyway. Units in session are the
// exception for expiry: the operator's clock may be wrong, and their session works.
func (o Observation) Exchange(offers [2]Offer) Plan {
	known := o.known()
	now := o.Now
	if o.InSession {
		now = time.Time{}
	}
	var wanted []*x509.Certificate
	for _, offer := range offers {
		wanted = join(wanted, certificatesIn(offer.Authorities)...)
	}
	all := join(slices.Clone(known), wanted...)
	plan := Plan{}
	var needed []*x509.Certificate
	waits := false
	for i, unit := range o.Units {
		verifiers := verifiersOf(chainOf(unit.Held), all, unit.Name, now)
		needed = join(needed, verifiers...)
		plan.Actions[i] = o.action(o.Units[1-i], verifiers, offers[i])
		waits = waits || plan.Actions[i] == Wait
	}
	trusted := join(slices.Clone(wanted), needed...)
	for _, authority := range known {
		if contains(trusted, authority) || o.isSettled() || len(trusted) >= maxTrusted {
			continue
		}
		// The Secrets do not need it any more, but a unit may still have files from before.
		trusted, waits = append(trusted, authority), true
	}
	// Authorities that only held certificates need are removed in a later plan.
	waits = waits || slices.ContainsFunc(needed, func(a *x509.Certificate) bool { return !contains(wanted, a) })
	plan.Trusted = encode(trusted)
	for i, unit := range o.Units {
		plan.Changes = plan.Changes || plan.Actions[i] == Take || !same(unit.Trusted, trusted)
	}
	if waits {
		plan.RecheckIn = Overlap
		if !plan.Changes {
			plan.RecheckIn = max(Overlap-o.Unchanged, time.Minute)
		}
	}
	return plan
}

// action returns what to do with a unit's certificate. verifiers are the authorities that verify the held one.
func (o Observation) action(peer Unit, verifiers []*x509.Certificate, offer Offer) Action {
	offered := certificatesIn(offer.Authorities)
	switch {
	case offer.Held:
		return Keep
	case len(verifiers) == 0:
		return Take
	case share(verifiers, offered):
		// This is a renewal: a peer that accepts the held certificate accepts the offered one too.
		return Take
	case o.isSettled() && share(certificatesIn(peer.Trusted), offered):
		return Take
	default:
		return Wait
	}
}

// IsAuthorityDue reports whether the pair's own authority, which has this verdict, must be replaced. An expiring
// authority can still sign. It is replaced after both units have had certificates of it for a while. A unit without one
// needs it at once, and only the known authority can sign a certificate that its peer accepts. While the units are in
// session, an expired authority is handled in the same way, because the operator's clock may be wrong.
func (o Observation) IsAuthorityDue(authority KeyPair, verdict Verdict) bool {
	now := o.Now
	if o.InSession {
		now = time.Time{}
	}
	switch {
	case verdict == Usable:
		return false
	case verdict == Expiring, verdict == Expired && o.InSession:
		signer := certificatesIn(authority.Certificate)
		return o.isSettled() && !slices.ContainsFunc(o.Units[:], func(unit Unit) bool {
			return len(verifiersOf(chainOf(unit.Held), signer, unit.Name, now)) == 0
		})
	default:
		return true
	}
}

// Held returns the certificates of both units.
func (o Observation) Held() []KeyPair { return []KeyPair{o.Units[0].Held, o.Units[1].Held} }

func (o Observation) isSettled() bool { return o.Unchanged >= Overlap }

// known returns the authorities that at least one unit trusts.
func (o Observation) known() []*x509.Certificate {
	var known []*x509.Certificate
	for _, unit := range o.Units {
		known = join(known, certificatesIn(unit.Trusted)...)
	}
	return known
}
