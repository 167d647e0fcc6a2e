package credentials_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
)

var names = [2]string{"primary." + domain, "secondary." + domain}

// offered returns the offers of the pair's own authority, as the operator makes them.
func offered(authority credentials.KeyPair, seen credentials.Observation) (offers [2]credentials.Offer) {
	for i, unit := range seen.Units {
		verdict := credentials.CheckUnit(unit.Held, authority.Certificate, unit.Name, seen.Now)
		offers[i] = credentials.Offer{
			Authorities: authority.Certificate, Held: verdict == credentials.Usable,
		}
	}
	return offers
}

// observed returns an observation of units that hold and trust this.
func observed(held [2]credentials.KeyPair, trusted [2][]byte) credentials.Observation {
	seen := credentials.Observation{Now: now}
	for i := range seen.Units {
		seen.Units[i] = credentials.Unit{Name: names[i], Held: held[i], Trusted: trusted[i]}
	}
	return seen
}

func bundle(authorities ...credentials.KeyPair) []byte {
	var text []byte
	for _, authority := range authorities {
		text = append(text, authority.Certificate...)
	}
	return text
}

// TestExchange covers every phase of an exchange, and every way to interrupt one.
func TestExchange(t *testing.T) {
	a, b, c := newAuthority(t, domain), newAuthority(t, domain), newAuthority(t, domain)
	pA, sA := issue(t, a, names[0]), issue(t, a, names[1])
	pB, sB := issue(t, b, names[0]), issue(t, b, names[1])
	none, othersKey := credentials.KeyPair{}, credentials.KeyPair{Certificate: pA.Certificate, Key: pB.Key}
	const (
		keep, take, wait = credentials.Keep, credentials.Take, credentials.Wait
		overlap          = credentials.Overlap
	)
	type keys = credentials.KeyPair
	type actions = [2]credentials.Action
	for name, test := range map[string]struct {
		held      [2]keys
		trusted   [2][]byte
		unchanged time.Duration
		now       time.Time
		inSession bool
		authority keys

		actions   actions
		trust     []byte
		changes   bool
		recheckIn time.Duration
	}{
		"a new pair": {
			authority: a,
			actions:   actions{take, take}, trust: bundle(a), changes: true,
		},
		"a pair at rest": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			actions: actions{keep, keep}, trust: bundle(a),
		},
		"a pair at rest for long": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, unchanged: 99 * day, authority: a,
			actions: actions{keep, keep}, trust: bundle(a),
		},
		"a unit's Secret is missing": {
			held: [2]keys{none, sA}, trusted: [2][]byte{nil, bundle(a)}, authority: a,
			actions: actions{take, keep}, trust: bundle(a), changes: true,
		},
		"a unit's key does not match its certificate": {
			held: [2]keys{pA, othersKey}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			actions: actions{keep, take}, trust: bundle(a), changes: true,
		},
		"a unit has its peer's certificate": {
			held: [2]keys{sA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			actions: actions{take, keep}, trust: bundle(a), changes: true,
		},
		"a unit trusts no authority": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), []byte("x")}, authority: a,
			actions: actions{keep, keep}, trust: bundle(a), changes: true,
		},
		"certificates are to be renewed": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(300 * day), authority: a,
			actions: actions{take, take}, trust: bundle(a), changes: true,
		},
		"certificates are expired": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), authority: a,
			actions: actions{take, take}, trust: bundle(a), changes: true,
		},
		"the clock is decades behind": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: time.Unix(0, 0), authority: a,
			actions: actions{keep, keep}, trust: bundle(a),
		},

		"a new authority": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, unchanged: 99 * day, authority: b,
			actions: actions{wait, wait}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"a new authority by a clock that is decades behind": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: time.Unix(0, 0), authority: b,
			actions: actions{wait, wait}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"the new authority is in one Secret": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(a)}, authority: b,
			actions: actions{wait, wait}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"the new authority is in one Secret for long": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(a)}, unchanged: overlap, authority: b,
			actions: actions{wait, take}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"the new authority is in both Secrets": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			actions: actions{wait, wait}, trust: bundle(b, a), recheckIn: overlap,
		},
		"the new authority is in both Secrets for almost long enough": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)},
			unchanged: overlap - 2*time.Minute, authority: b,
			actions: actions{wait, wait}, trust: bundle(b, a), recheckIn: 2 * time.Minute,
		},
		"the new authority is in both Secrets for long enough": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			actions: actions{take, take}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"one unit has a new certificate": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			actions: actions{keep, wait}, trust: bundle(b, a), recheckIn: overlap,
		},
		"one unit has a new certificate for long": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			actions: actions{keep, take}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"both units have new certificates": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			actions: actions{keep, keep}, trust: bundle(b, a), recheckIn: overlap,
		},
		"both units have new certificates for long": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			actions: actions{keep, keep}, trust: bundle(b), changes: true,
		},
		"the old authority is removed from one Secret": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b), bundle(b, a)}, authority: b,
			actions: actions{keep, keep}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},

		"a Secret is missing during an exchange": {
			held: [2]keys{pA, none}, trusted: [2][]byte{bundle(b, a), nil}, authority: b,
			actions: actions{wait, take}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"a third authority before the second was used": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap - 1, authority: c,
			actions: actions{wait, wait}, trust: bundle(c, a, b), changes: true, recheckIn: overlap,
		},
		"a third authority when one unit uses the second": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: c,
			actions: actions{wait, wait}, trust: bundle(c, b, a), changes: true, recheckIn: overlap,
		},
		"certificates are expired and the authority is new": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), authority: b,
			actions: actions{take, take}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"certificates seem expired, units are in session": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), inSession: true,
			authority: b,
			actions:   actions{wait, wait}, trust: bundle(b, a), changes: true, recheckIn: overlap,
		},
		"a renewal is due, units are in session": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), inSession: true,
			authority: a,
			actions:   actions{take, take}, trust: bundle(a), changes: true,
		},
		"a Secret is missing, units are in session": {
			held: [2]keys{none, sA}, trusted: [2][]byte{nil, bundle(a)}, inSession: true, authority: a,
			actions: actions{take, keep}, trust: bundle(a), changes: true,
		},
		"no unit trusts the held certificates": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b), bundle(b)}, authority: b,
			actions: actions{take, take}, trust: bundle(b), changes: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.now.IsZero() {
				test.now = now
			}
			seen := observed(test.held, test.trusted)
			seen.Now, seen.Unchanged, seen.InSession = test.now, test.unchanged, test.inSession
			plan := seen.Exchange(offered(test.authority, seen))
			if plan.Actions != test.actions {
				t.Errorf("got actions %v, want %v", plan.Actions, test.actions)
			}
			if !bytes.Equal(plan.Trusted, test.trust) {
				t.Errorf("got %d bytes of authorities, want %d, or another order", len(plan.Trusted), len(test.trust))
			}
			if plan.Changes != test.changes || plan.RecheckIn != test.recheckIn {
				t.Errorf("changes %v, recheck in %v; want %v and %v", plan.Changes, plan.RecheckIn, test.changes, test.recheckIn)
			}
		})
	}
}

func TestAuthorityDue(t *testing.T) {
	a, b := newAuthority(t, domain), newAuthority(t, domain)
	pA, sA := issue(t, a, names[0]), issue(t, a, names[1])
	for name, test := range map[string]struct {
		authority credentials.KeyPair
		verdict   credentials.Verdict
		unchanged time.Duration
		held      [2]credentials.KeyPair
		want      bool
	}{
		"usable":                       {a, credentials.Usable, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, false},
		"missing":                      {credentials.KeyPair{}, credentials.Missing, 0, [2]credentials.KeyPair{pA, sA}, true},
		"malformed":                    {a, credentials.Malformed, 0, [2]credentials.KeyPair{pA, sA}, true},
		"of another pair":              {a, credentials.WrongAuthority, 0, [2]credentials.KeyPair{pA, sA}, true},
		"expired":                      {a, credentials.Expired, 0, [2]credentials.KeyPair{pA, sA}, true},
		"expiring":                     {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, true},
		"expiring, just changed":       {a, credentials.Expiring, 0, [2]credentials.KeyPair{pA, sA}, false},
		"expiring, one unit without":   {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, {}}, false},
		"expiring, not used yet":       {b, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, false},
		"expiring, both units without": {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			seen := observed(test.held, [2][]byte{bundle(a), bundle(a)})
			seen.Unchanged = test.unchanged
			if got := seen.IsAuthorityDue(test.authority, test.verdict); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestTrustIsBounded passes ever more authorities, as another issuer might.
func TestTrustIsBounded(t *testing.T) {
	var trusted []byte
	for range 40 {
		trusted = append(trusted, newAuthority(t, domain).Certificate...)
	}
	a := newAuthority(t, domain)
	seen := credentials.Observation{Now: now}
	for i := range seen.Units {
		seen.Units[i] = credentials.Unit{Name: names[i], Held: issue(t, a, names[i]), Trusted: append(bundle(a), trusted...)}
	}
	plan := seen.Exchange(offered(a, seen))
	if n := bytes.Count(plan.Trusted, []byte("BEGIN CERTIFICATE")); n > 8 {
		t.Errorf("%d authorities are trusted", n)
	}
	if !bytes.HasPrefix(plan.Trusted, a.Certificate) {
		t.Error("the necessary authority is not trusted")
	}
}

// While the units are in session, the clock by which their authority has expired may be wrong. A unit whose Secret was
// deleted then needs a certificate that its peer accepts, and only the known authority can sign it.
func TestExpiredAuthorityInSession(t *testing.T) {
	a := newAuthority(t, domain)
	p, s := issue(t, a, names[0]), issue(t, a, names[1])
	for name, test := range map[string]struct {
		unchanged time.Duration
		held      [2]credentials.KeyPair
		want      bool
	}{
		"one unit without a certificate": {credentials.Overlap, [2]credentials.KeyPair{{}, s}, false},
		"just changed":                   {0, [2]credentials.KeyPair{p, s}, false},
		"both units have certificates":   {credentials.Overlap, [2]credentials.KeyPair{p, s}, true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := observed(test.held, [2][]byte{bundle(a), bundle(a)})
			seen.Now, seen.Unchanged, seen.InSession = now.Add(11*365*day), test.unchanged, true
			if got := seen.IsAuthorityDue(a, credentials.Expired); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
