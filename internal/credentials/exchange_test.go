package credentials_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
)

var names = [2]string{"primary." + domain, "secondary." + domain}

// offered is what an authority of the pair's own offers, as the operator has it.
func offered(authority credentials.KeyPair, sight credentials.Sight) (offers [2]credentials.Offer) {
	for i, unit := range sight.Units {
		verdict := credentials.JudgeUnit(unit.Held, authority.Certificate, unit.Name, sight.Now)
		offers[i] = credentials.Offer{
			Authorities: authority.Certificate, Held: verdict == credentials.Usable,
		}
	}
	return offers
}

func bundle(authorities ...credentials.KeyPair) []byte {
	var text []byte
	for _, authority := range authorities {
		text = append(text, authority.Certificate...)
	}
	return text
}

// Each case is one look at the Secrets; together they are every stage of an exchange and every way in which one can be
// interrupted.
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
	type moves = [2]credentials.Move
	for name, test := range map[string]struct {
		held      [2]keys
		trusted   [2][]byte
		unchanged time.Duration
		now       time.Time
		inSession bool
		authority keys

		moves   moves
		trust   []byte
		changes bool
		lookIn  time.Duration
	}{
		"a new pair": {
			authority: a,
			moves:     moves{take, take}, trust: bundle(a), changes: true,
		},
		"a pair at rest": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			moves: moves{keep, keep}, trust: bundle(a),
		},
		"a pair at rest for long": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, unchanged: 99 * day, authority: a,
			moves: moves{keep, keep}, trust: bundle(a),
		},
		"a unit's Secret is gone": {
			held: [2]keys{none, sA}, trusted: [2][]byte{nil, bundle(a)}, authority: a,
			moves: moves{take, keep}, trust: bundle(a), changes: true,
		},
		"a unit's key is not that of its certificate": {
			held: [2]keys{pA, othersKey}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			moves: moves{keep, take}, trust: bundle(a), changes: true,
		},
		"a unit has its peer's certificate": {
			held: [2]keys{sA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, authority: a,
			moves: moves{take, keep}, trust: bundle(a), changes: true,
		},
		"a unit trusts nobody": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), []byte("x")}, authority: a,
			moves: moves{keep, keep}, trust: bundle(a), changes: true,
		},
		"certificates are to be renewed": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(300 * day), authority: a,
			moves: moves{take, take}, trust: bundle(a), changes: true,
		},
		"certificates are expired": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), authority: a,
			moves: moves{take, take}, trust: bundle(a), changes: true,
		},
		"the clock is decades behind": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: time.Unix(0, 0), authority: a,
			moves: moves{keep, keep}, trust: bundle(a),
		},

		"a new authority": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, unchanged: 99 * day, authority: b,
			moves: moves{wait, wait}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"a new authority by a clock that is decades behind": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: time.Unix(0, 0), authority: b,
			moves: moves{wait, wait}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"it reached one Secret": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(a)}, authority: b,
			moves: moves{wait, wait}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"it reached one Secret long ago": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(a)}, unchanged: overlap, authority: b,
			moves: moves{wait, take}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"it reached both Secrets": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			moves: moves{wait, wait}, trust: bundle(b, a), lookIn: overlap,
		},
		"it is about to have stood there for long enough": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)},
			unchanged: overlap - 2*time.Minute, authority: b,
			moves: moves{wait, wait}, trust: bundle(b, a), lookIn: 2 * time.Minute,
		},
		"it has stood there for long enough": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			moves: moves{take, take}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"one unit has a certificate of it": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			moves: moves{keep, wait}, trust: bundle(b, a), lookIn: overlap,
		},
		"one unit has had a certificate of it for long": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			moves: moves{keep, take}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"both units have": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: b,
			moves: moves{keep, keep}, trust: bundle(b, a), lookIn: overlap,
		},
		"both units have had for long": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap, authority: b,
			moves: moves{keep, keep}, trust: bundle(b), changes: true,
		},
		"the old authority left one Secret": {
			held: [2]keys{pB, sB}, trusted: [2][]byte{bundle(b), bundle(b, a)}, authority: b,
			moves: moves{keep, keep}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},

		"a Secret is gone while a new authority is made known": {
			held: [2]keys{pA, none}, trusted: [2][]byte{bundle(b, a), nil}, authority: b,
			moves: moves{wait, take}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"a third authority before the second was used": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, unchanged: overlap - 1, authority: c,
			moves: moves{wait, wait}, trust: bundle(c, a, b), changes: true, lookIn: overlap,
		},
		"a third authority when one unit uses the second": {
			held: [2]keys{pB, sA}, trusted: [2][]byte{bundle(b, a), bundle(b, a)}, authority: c,
			moves: moves{wait, wait}, trust: bundle(c, b, a), changes: true, lookIn: overlap,
		},
		"certificates are expired when a new authority is made known": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), authority: b,
			moves: moves{take, take}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"certificates are expired, says a clock, of units in session": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), inSession: true,
			authority: b,
			moves:     moves{wait, wait}, trust: bundle(b, a), changes: true, lookIn: overlap,
		},
		"a renewal is due of units in session": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(a), bundle(a)}, now: now.Add(400 * day), inSession: true,
			authority: a,
			moves:     moves{take, take}, trust: bundle(a), changes: true,
		},
		"a Secret is gone of units in session": {
			held: [2]keys{none, sA}, trusted: [2][]byte{nil, bundle(a)}, inSession: true, authority: a,
			moves: moves{take, keep}, trust: bundle(a), changes: true,
		},
		"of an authority that nobody trusts": {
			held: [2]keys{pA, sA}, trusted: [2][]byte{bundle(b), bundle(b)}, authority: b,
			moves: moves{take, take}, trust: bundle(b), changes: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.now.IsZero() {
				test.now = now
			}
			sight := credentials.Sight{Now: test.now, Unchanged: test.unchanged, InSession: test.inSession}
			for i := range sight.Units {
				sight.Units[i] = credentials.Unit{Name: names[i], Held: test.held[i], Trusted: test.trusted[i]}
			}
			plan := sight.Exchange(offered(test.authority, sight))
			if plan.Moves != test.moves {
				t.Errorf("moves are %v, want %v", plan.Moves, test.moves)
			}
			if !bytes.Equal(plan.Trusted, test.trust) {
				t.Errorf("trusted is %d bytes, want %d, or the same in another order", len(plan.Trusted), len(test.trust))
			}
			if plan.Changes != test.changes || plan.LookIn != test.lookIn {
				t.Errorf("changes %v, look in %v; want %v and %v", plan.Changes, plan.LookIn, test.changes, test.lookIn)
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
		"usable":                      {a, credentials.Usable, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, false},
		"missing":                     {credentials.KeyPair{}, credentials.Missing, 0, [2]credentials.KeyPair{pA, sA}, true},
		"malformed":                   {a, credentials.Malformed, 0, [2]credentials.KeyPair{pA, sA}, true},
		"of another pair":             {a, credentials.WrongAuthority, 0, [2]credentials.KeyPair{pA, sA}, true},
		"expired":                     {a, credentials.Expired, 0, [2]credentials.KeyPair{pA, sA}, true},
		"expiring":                    {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, true},
		"expiring, seen just now":     {a, credentials.Expiring, 0, [2]credentials.KeyPair{pA, sA}, false},
		"expiring, a unit needs it":   {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, {}}, false},
		"expiring, not used yet":      {b, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{pA, sA}, false},
		"expiring, and nobody has it": {a, credentials.Expiring, credentials.Overlap, [2]credentials.KeyPair{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			sight := credentials.Sight{Now: now, Unchanged: test.unchanged}
			for i := range sight.Units {
				sight.Units[i] = credentials.Unit{Name: names[i], Held: test.held[i], Trusted: bundle(a)}
			}
			if got := sight.AuthorityDue(test.authority, test.verdict); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Others can name authorities without end, one after the other.
func TestTrustIsBounded(t *testing.T) {
	var trusted []byte
	for range 40 {
		trusted = append(trusted, newAuthority(t, domain).Certificate...)
	}
	a := newAuthority(t, domain)
	sight := credentials.Sight{Now: now}
	for i := range sight.Units {
		sight.Units[i] = credentials.Unit{Name: names[i], Held: issue(t, a, names[i]), Trusted: append(bundle(a), trusted...)}
	}
	plan := sight.Exchange(offered(a, sight))
	if n := bytes.Count(plan.Trusted, []byte("BEGIN CERTIFICATE")); n > 8 {
		t.Errorf("%d authorities are trusted", n)
	}
	if !bytes.HasPrefix(plan.Trusted, a.Certificate) {
		t.Error("the one that is needed is not among them")
	}
}
