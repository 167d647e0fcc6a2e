package credentials

import (
	"crypto/x509"
	"slices"
	"time"
)

// Overlap is how long something stands unchanged in the units' Secrets before anything is built on both units having
// it. A kubelet that is well brings a changed Secret within about two minutes (it looks once a minute, and at what it
// remembers of the Secret for as long again). The rest is for one that restarts, or is busy with a node that does.
const Overlap = time.Hour

// maxTrusted bounds how many authorities a unit trusts beyond those that it has to.
const maxTrusted = 8

// Unit is one unit of a pair, as its Secret shows it.
type Unit struct {
	// Name is the DNS name that its certificate must have.
	Name string
	// Held is its certificate, with what stands between that and its authority, and its key.
	Held KeyPair
	// Trusted are the authorities by which it knows its peer, in PEM, one after the other.
	Trusted []byte
}

// Sight is what was seen of a pair's credentials at one time.
type Sight struct {
	Units [2]Unit
	// Now is the time by a clock that may be wrong.
	Now time.Time
	// Unchanged is for how long both Secrets have stood as they are, with both units in touch with their Secrets, as
	// whoever calls has seen it by a clock that only runs forward. It is never counted from a time that somebody wrote
	// down: clocks of two machines are not compared, and one clock may have been set.
	Unchanged time.Duration
	// InSession is set when the units say that they have a session with each other.
	InSession bool
}

// Offer is what a unit is to have.
type Offer struct {
	// Authorities, in PEM, are those by each of which the peer can verify it.
	Authorities []byte
	// Held is set when that is what the unit has already.
	Held bool
}

// Move is what a unit does about an offer.
type Move int

const (
	// Keep what it has, which is what it should have.
	Keep Move = iota
	// Take what is offered.
	Take
	// Wait with what it has, since its peer may not know the authority of the other yet.
	Wait
)

// String is the move as a person reads it in a test.
func (m Move) String() string {
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

// Plan is what to do with the credentials of both units.
type Plan struct {
	Moves [2]Move
	// Trusted are the authorities that both units trust from now on, in PEM.
	Trusted []byte
	// Changes is set when that makes a Secret another than it is.
	Changes bool
	// LookIn is after which time there is more to do, if all stays as it is; 0 when there is not.
	LookIn time.Duration
}

// Exchange plans how the units come by what they are offered, so that each recognises the other at every instant,
// however late a Secret reaches either of them. An authority is trusted before anything is shown that it signed, and
// for as long as anything may be: first it comes into what both trust; when that has stood for Overlap, certificates
// are exchanged; when those have stood for Overlap, the authority of the former goes. All of it follows from what the
// Secrets hold. Where it was interrupted, and by whom, makes no difference.
//
// What a unit holds that is of no use, or is expired, is exchanged at once: there is nothing to lose. Of units in
// session that is not so, whatever the clock says: it may be wrong, and they are in no hurry.
func (s Sight) Exchange(offers [2]Offer) Plan {
	known := s.known()
	now := s.Now
	if s.InSession {
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
	for i, unit := range s.Units {
		vouching := vouchersOf(chainOf(unit.Held), all, unit.Name, now)
		needed = join(needed, vouching...)
		plan.Moves[i] = s.move(s.Units[1-i], vouching, offers[i])
		waits = waits || plan.Moves[i] == Wait
	}
	trusted := join(slices.Clone(wanted), needed...)
	for _, authority := range known {
		if contains(trusted, authority) || s.settled() || len(trusted) >= maxTrusted {
			continue
		}
		// Nothing in the Secrets needs it, but what a unit still has from before may.
		trusted, waits = append(trusted, authority), true
	}
	// It goes when what needed it has been gone for a while.
	waits = waits || slices.ContainsFunc(needed, func(a *x509.Certificate) bool { return !contains(wanted, a) })
	plan.Trusted = encode(trusted)
	for i, unit := range s.Units {
		plan.Changes = plan.Changes || plan.Moves[i] == Take || !same(unit.Trusted, trusted)
	}
	if waits {
		plan.LookIn = Overlap
		if !plan.Changes {
			plan.LookIn = max(Overlap-s.Unchanged, time.Minute)
		}
	}
	return plan
}

// move is what a unit does. Vouching are the authorities of what it holds.
func (s Sight) move(peer Unit, vouching []*x509.Certificate, offer Offer) Move {
	offered := certificatesIn(offer.Authorities)
	switch {
	case offer.Held:
		return Keep
	case len(vouching) == 0:
		return Take
	case share(vouching, offered):
		// A renewal: whoever recognises the one recognises the other.
		return Take
	case s.settled() && share(certificatesIn(peer.Trusted), offered):
		return Take
	default:
		return Wait
	}
}

// AuthorityDue tells whether a pair's own authority, of which this was said, is to be replaced. One that is near its
// end and can still sign is, only once both units have had certificates of it for a while: whoever has none needs one
// at once, and only the authority that is known already is of use for that.
func (s Sight) AuthorityDue(authority KeyPair, verdict Verdict) bool {
	switch verdict {
	case Usable:
		return false
	case Expiring:
		signer := certificatesIn(authority.Certificate)
		return s.settled() && !slices.ContainsFunc(s.Units[:], func(unit Unit) bool {
			return len(vouchersOf(chainOf(unit.Held), signer, unit.Name, s.Now)) == 0
		})
	default:
		return true
	}
}

// Held are the certificates of both units.
func (s Sight) Held() []KeyPair { return []KeyPair{s.Units[0].Held, s.Units[1].Held} }

func (s Sight) settled() bool { return s.Unchanged >= Overlap }

// known are the authorities that either unit trusts.
func (s Sight) known() []*x509.Certificate {
	var known []*x509.Certificate
	for _, unit := range s.Units {
		known = join(known, certificatesIn(unit.Trusted)...)
	}
	return known
}
