package credentials_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/credentials"
)

const (
	// kubeletDelay is how long a Secret may take to a unit.
	kubeletDelay = 10 * time.Minute
	// resync is after which an operator that runs looks at every pair in any case.
	resync = 3 * day
	// neglect is for how long a pair may be without an operator whose clock is right. Its certificates are renewed three
	// months before their end.
	neglect = 60 * day
)

// recognises tells whether a unit that trusts these authorities accepts another's certificate, as TLS does.
func recognises(trusted []byte, shown credentials.KeyPair, name string, at time.Time) error {
	certificate, err := tls.X509KeyPair(shown.Certificate, shown.Key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		_, err = certificate.Leaf.Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// secret is what a unit's Secret holds, or the files that its kubelet made of it.
type secret struct {
	credentials.KeyPair
	trusted []byte
	version int // 0 when there is none
}

// life is a pair, its Secrets, its kubelets and an operator that comes and goes, at one time after the other.
type life struct {
	*rapid.T
	now time.Time // the true time

	authority credentials.KeyPair
	secrets   [2]secret
	files     [2]secret
	// arrivals are when each kubelet brings what the Secret holds then.
	arrivals [2][]time.Time
	versions int

	// running says whether there is an operator, wrong by how much its clock is wrong, and wake when it looks next.
	running bool
	wrong   time.Duration
	wake    time.Time
	// seen is what it saw last and since when, by a clock that only runs forward.
	seen  string
	since time.Time
	// writes is after how many more writes it is killed; negative for never.
	writes int

	neglected, healthy time.Duration
}

// errKilled ends a reconcile half-way.
var errKilled = fmt.Errorf("killed")

func newLife(t *rapid.T) *life {
	l := &life{T: t, now: now, running: true, writes: -1, wake: now}
	age := time.Duration(rapid.IntRange(0, 8*365+70).Draw(t, "age in days")) * day
	var err error
	if l.authority, err = credentials.NewAuthority(domain, now.Add(-age)); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		old := time.Duration(rapid.IntRange(0, 280).Draw(t, "certificate's age in days")) * day
		own, err := credentials.Issue(l.authority, name, now.Add(-min(age, old)))
		if err != nil {
			t.Fatal(err)
		}
		l.versions++
		l.secrets[i] = secret{own, l.authority.Certificate, l.versions}
		l.files[i] = l.secrets[i]
	}
	return l
}

// clock is the operator's.
func (l *life) clock() time.Time { return l.now.Add(l.wrong) }

// write changes a Secret, unless the operator is killed before.
func (l *life) write(change func()) error {
	if l.writes == 0 {
		l.writes, l.running, l.seen = -1, false, ""
		return errKilled
	}
	if l.writes > 0 {
		l.writes--
	}
	change()
	return nil
}

// put writes a unit's Secret, if that changes it.
func (l *life) put(unit int, own credentials.KeyPair, trusted []byte) {
	before := l.secrets[unit]
	if before.version != 0 && bytes.Equal(own.Certificate, before.Certificate) && bytes.Equal(trusted, before.trusted) {
		return
	}
	l.versions++
	l.secrets[unit] = secret{own, trusted, l.versions}
	delay := rapid.OneOf(rapid.SampledFrom([]int64{0, int64(kubeletDelay)}), rapid.Int64Range(0, int64(kubeletDelay)))
	l.arrivals[unit] = append(l.arrivals[unit], l.now.Add(time.Duration(delay.Draw(l.T, "delay"))))
}

// look is a reconcile, as the operator has it.
func (l *life) look() {
	l.wake = l.now.Add(resync)
	if l.wrong == 0 && l.healthy > 3*time.Hour {
		l.neglected = 0
	}
	sight := credentials.Sight{Now: l.clock(), InSession: true} // check has seen to that
	for i, s := range l.secrets {
		sight.Units[i] = credentials.Unit{Name: names[i], Held: s.KeyPair, Trusted: s.trusted}
	}
	if seen := fmt.Sprint(l.secrets[0].version, l.secrets[1].version); seen != l.seen {
		l.seen, l.since = seen, l.now
	}
	sight.Unchanged = l.now.Sub(l.since)

	verdict := credentials.JudgeAuthority(l.authority, domain, sight.Now)
	if sight.AuthorityDue(l.authority, verdict) {
		made, err := credentials.NewAuthority(domain, sight.Now, sight.Held()...)
		if err != nil {
			l.Fatal(err)
		}
		if l.write(func() { l.authority = made }) != nil {
			return
		}
	} else if verdict != credentials.Usable {
		l.lookIn(credentials.Overlap)
	}
	plan := sight.Exchange(offered(l.authority, sight))
	if plan.LookIn > 0 {
		l.lookIn(plan.LookIn)
	}
	for i, unit := range sight.Units {
		own := unit.Held
		if plan.Moves[i] == credentials.Take {
			var err error
			if own, err = credentials.Issue(l.authority, unit.Name, sight.Now, sight.Held()...); err != nil {
				l.Fatal(err)
			}
		}
		if l.write(func() { l.put(i, own, plan.Trusted) }) != nil {
			return
		}
		if at, ok := credentials.RenewAt(own); ok && plan.Moves[i] != credentials.Wait {
			l.lookIn(at.Sub(sight.Now))
		}
	}
	if plan.Changes {
		l.lookIn(time.Second) // what it wrote makes it look again
	}
}

func (l *life) lookIn(d time.Duration) {
	l.wake = earliest(l.wake, l.now.Add(max(d, time.Millisecond)))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// pass lets time pass, with all that happens in it.
func (l *life) pass(d time.Duration) {
	for end := l.now.Add(d); ; {
		next := end
		if l.running {
			next = earliest(next, l.wake)
		}
		for _, arrivals := range l.arrivals {
			for _, at := range arrivals {
				next = earliest(next, at)
			}
		}
		l.count(next.Sub(l.now))
		l.now = next
		for i := range l.arrivals {
			l.arrive(i)
		}
		l.check()
		if l.running && !l.wake.After(l.now) {
			l.look()
			continue
		}
		if !l.now.Before(end) {
			return
		}
	}
}

// count counts for how long nobody cared for the pair.
func (l *life) count(d time.Duration) {
	if l.running && l.wrong == 0 {
		l.healthy += d
		return
	}
	l.healthy = 0
	l.neglected += d
}

// arrive has a kubelet bring what is due.
func (l *life) arrive(unit int) {
	var later []time.Time
	for _, at := range l.arrivals[unit] {
		switch {
		case at.After(l.now):
			later = append(later, at)
		case l.secrets[unit].version != 0: // else the files stay
			l.files[unit] = l.secrets[unit]
		}
	}
	l.arrivals[unit] = later
}

// check that each unit accepts what the other shows.
func (l *life) check() {
	for i, name := range names {
		if err := recognises(l.files[1-i].trusted, l.files[i].KeyPair, name, l.now); err != nil {
			l.Fatalf("%v after the beginning %s is a stranger to its peer: %v", l.now.Sub(now), name, err)
		}
	}
}

// whole tells whether no Secret is missing.
func (l *life) whole() bool {
	return len(l.authority.Key) > 0 && l.secrets[0].version != 0 && l.secrets[1].version != 0
}

// knownToBoth tells whether both units trust the authority that signs now.
func (l *life) knownToBoth() bool {
	return bytes.Contains(l.files[0].trusted, l.authority.Certificate) &&
		bytes.Contains(l.files[1].trusted, l.authority.Certificate)
}

func (l *life) draw(what string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most)).Draw(l.T, what))
}

// uncared is a time without an operator that is right, within what certificates are made for.
func (l *life) uncared(what string, most time.Duration) time.Duration {
	return l.draw(what, max(min(most, neglect-l.neglected), time.Millisecond))
}

// start has an operator run that remembers nothing.
func (l *life) start() { l.running, l.seen, l.healthy, l.wake = true, "", 0, l.now }

// However operators come and go, are killed between any two writes and have their clocks set, whenever the authority is
// replaced and however late each kubelet is, each unit recognises the other at every instant; and left alone, the pair
// comes to rest.
func TestUnitsRecogniseEachOtherAtEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		actions := map[string]func(){
			"moments pass": func() { l.pass(l.draw("moments", 5*time.Minute)) },
			"hours pass":   func() { l.pass(l.draw("hours", 3*time.Hour)) },
			"weeks pass":   func() { l.pass(l.draw("weeks", 40*day)) },
			"the operator stops": func() {
				l.running = false
				l.pass(l.uncared("without", 20*day))
				l.start()
			},
			"the operator restarts": func() { l.start() },
			"the operator is killed": func() {
				l.writes = rapid.IntRange(0, 3).Draw(t, "writes")
				l.pass(l.draw("until it is seen", 2*time.Hour))
				l.writes = -1
				l.start()
			},
			"the clock is set": func() {
				days := rapid.OneOf(rapid.IntRange(-1, 1), rapid.IntRange(-100, 100), rapid.IntRange(-20*365, 20*365))
				l.wrong = time.Duration(days.Draw(t, "days")) * day
				l.wrong += l.draw("hours more", day)
				if rapid.Bool().Draw(t, "looks") {
					l.wake = l.now
				}
				l.pass(l.uncared("wrong", rapid.SampledFrom([]time.Duration{time.Hour, 3 * time.Hour, 10 * day}).Draw(t, "most")))
				l.wrong = 0
				if rapid.Bool().Draw(t, "looks") {
					l.wake = l.now
				}
			},
			"the authority's Secret is deleted": func() {
				if l.whole() {
					l.authority, l.wake = credentials.KeyPair{}, l.now
				}
			},
			"a unit's Secret is deleted": func() {
				if l.whole() && l.knownToBoth() {
					l.secrets[rapid.IntRange(0, 1).Draw(t, "unit")] = secret{}
					l.wake = l.now
				}
			},
		}
		whats := []string{
			"moments pass", "hours pass", "weeks pass", "the operator stops", "the operator restarts",
			"the operator is killed", "the clock is set", "the authority's Secret is deleted", "a unit's Secret is deleted",
		}
		for range rapid.IntRange(1, 20).Draw(t, "actions") {
			actions[rapid.SampledFrom(whats).Draw(t, "what happens")]()
		}
		l.start()
		l.pass(8 * time.Hour)
		if verdict := credentials.JudgeAuthority(l.authority, domain, l.now); verdict != credentials.Usable {
			t.Fatalf("the authority is %v after hours at rest", verdict)
		}
		for i, files := range l.files {
			if !bytes.Equal(files.trusted, l.authority.Certificate) {
				t.Fatalf("%s trusts another than the authority after hours at rest", names[i])
			}
			verdict := credentials.JudgeUnit(files.KeyPair, l.authority.Certificate, names[i], l.now)
			if verdict != credentials.Usable {
				t.Fatalf("the certificate of %s is %v after hours at rest", names[i], verdict)
			}
		}
	})
}
