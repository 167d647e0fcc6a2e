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
	// kubeletDelay is the longest time until a kubelet delivers a Secret.
	kubeletDelay = 10 * time.Minute
	// resync is the interval at which a running operator reconciles every pair.
	resync = 3 * day
	// neglect is how long a pair may lack an operator with the right time. Its certificates are renewed three months
	// before they expire.
	neglect = 60 * day
)

// accepts returns an error unless TLS accepts the presented certificate of a peer.
func accepts(trusted []byte, shown credentials.KeyPair, name string, at time.Time) error {
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

// secret is the content of a unit's Secret, or the files that the kubelet wrote from it.
type secret struct {
	credentials.KeyPair
	trusted []byte
	version int // 0 for a missing Secret
}

// simulation has a pair, its Secrets, its kubelets, and an operator that stops and starts.
type simulation struct {
	*rapid.T
	now time.Time // the true time

	authority credentials.KeyPair
	secrets   [2]secret
	files     [2]secret
	// arrivals are the times at which each kubelet writes the present content of the Secret.
	arrivals [2][]time.Time
	versions int

	// running is set while there is an operator. wrong is the error of its clock, and wake is its next reconcile.
	running bool
	wrong   time.Duration
	wake    time.Time
	// seen identifies the Secrets that it last saw, and since is when they changed, by a monotonic clock.
	seen  string
	since time.Time
	// writes is the number of writes until the operator is killed. It is negative if it is not.
	writes int

	neglected, healthy time.Duration
}

// errKilled ends a reconcile before its end.
var errKilled = fmt.Errorf("killed")

func newSimulation(t *rapid.T) *simulation {
	s := &simulation{T: t, now: now, running: true, writes: -1, wake: now}
	age := time.Duration(rapid.IntRange(0, 8*365+70).Draw(t, "age in days")) * day
	var err error
	if s.authority, err = credentials.NewAuthority(domain, now.Add(-age)); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		old := time.Duration(rapid.IntRange(0, 280).Draw(t, "certificate's age in days")) * day
		own, err := credentials.Issue(s.authority, name, now.Add(-min(age, old)))
		if err != nil {
			t.Fatal(err)
		}
		s.versions++
		s.secrets[i] = secret{own, s.authority.Certificate, s.versions}
		s.files[i] = s.secrets[i]
	}
	return s
}

// clock returns the time of the operator's clock.
func (s *simulation) clock() time.Time { return s.now.Add(s.wrong) }

// write changes a Secret, unless the operator is killed first.
func (s *simulation) write(change func()) error {
	if s.writes == 0 {
		s.writes, s.running, s.seen = -1, false, ""
		return errKilled
	}
	if s.writes > 0 {
		s.writes--
	}
	change()
	return nil
}

// put writes a unit's Secret if its content changes.
func (s *simulation) put(unit int, own credentials.KeyPair, trusted []byte) {
	before := s.secrets[unit]
	if before.version != 0 && bytes.Equal(own.Certificate, before.Certificate) && bytes.Equal(trusted, before.trusted) {
		return
	}
	s.versions++
	s.secrets[unit] = secret{own, trusted, s.versions}
	delay := rapid.OneOf(rapid.SampledFrom([]int64{0, int64(kubeletDelay)}), rapid.Int64Range(0, int64(kubeletDelay)))
	s.arrivals[unit] = append(s.arrivals[unit], s.now.Add(time.Duration(delay.Draw(s.T, "delay"))))
}

// reconcile performs one reconcile of the operator.
func (s *simulation) reconcile() {
	s.wake = s.now.Add(resync)
	if s.wrong == 0 && s.healthy > 3*time.Hour {
		s.neglected = 0
	}
	observation := credentials.Observation{Now: s.clock(), InSession: true} // check has verified the session
	for i, secret := range s.secrets {
		observation.Units[i] = credentials.Unit{Name: names[i], Held: secret.KeyPair, Trusted: secret.trusted}
	}
	if seen := fmt.Sprint(s.secrets[0].version, s.secrets[1].version); seen != s.seen {
		s.seen, s.since = seen, s.now
	}
	observation.Unchanged = s.now.Sub(s.since)

	verdict := credentials.CheckAuthority(s.authority, domain, observation.Now)
	if observation.IsAuthorityDue(s.authority, verdict) {
		made, err := credentials.NewAuthority(domain, observation.Now, observation.Held()...)
		if err != nil {
			s.Fatal(err)
		}
		if s.write(func() { s.authority = made }) != nil {
			return
		}
	} else if verdict != credentials.Usable {
		s.recheckIn(credentials.Overlap)
	}
	plan := observation.Exchange(offered(s.authority, observation))
	if plan.RecheckIn > 0 {
		s.recheckIn(plan.RecheckIn)
	}
	for i, unit := range observation.Units {
		own := unit.Held
		if plan.Actions[i] == credentials.Take {
			var err error
			if own, err = credentials.Issue(s.authority, unit.Name, observation.Now, observation.Held()...); err != nil {
				s.Fatal(err)
			}
		}
		if s.write(func() { s.put(i, own, plan.Trusted) }) != nil {
			return
		}
		if at, ok := credentials.RenewAt(own); ok && plan.Actions[i] != credentials.Wait {
			s.recheckIn(at.Sub(observation.Now))
		}
	}
	if plan.Changes {
		s.recheckIn(time.Second) // the operator reconciles after its own write
	}
}

func (s *simulation) recheckIn(d time.Duration) {
	s.wake = earliest(s.wake, s.now.Add(max(d, time.Millisecond)))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// pass simulates all events of a period.
func (s *simulation) pass(d time.Duration) {
	for end := s.now.Add(d); ; {
		next := end
		if s.running {
			next = earliest(next, s.wake)
		}
		for _, arrivals := range s.arrivals {
			for _, at := range arrivals {
				next = earliest(next, at)
			}
		}
		s.count(next.Sub(s.now))
		s.now = next
		for i := range s.arrivals {
			s.arrive(i)
		}
		s.check()
		if s.running && !s.wake.After(s.now) {
			s.reconcile()
			continue
		}
		if !s.now.Before(end) {
			return
		}
	}
}

// count adds up how long the pair has had an operator with the right time, or has lacked one.
func (s *simulation) count(d time.Duration) {
	if s.running && s.wrong == 0 {
		s.healthy += d
		return
	}
	s.healthy = 0
	s.neglected += d
}

// arrive writes a unit's files if a delivery is due.
func (s *simulation) arrive(unit int) {
	var later []time.Time
	for _, at := range s.arrivals[unit] {
		switch {
		case at.After(s.now):
			later = append(later, at)
		case s.secrets[unit].version != 0: // without a Secret the files stay
			s.files[unit] = s.secrets[unit]
		}
	}
	s.arrivals[unit] = later
}

// check verifies that each unit accepts the certificate of the other.
func (s *simulation) check() {
	for i, name := range names {
		if err := accepts(s.files[1-i].trusted, s.files[i].KeyPair, name, s.now); err != nil {
			s.Fatalf("%v after the start, %s is not accepted by its peer: %v", s.now.Sub(now), name, err)
		}
	}
}

// isComplete reports whether all Secrets exist.
func (s *simulation) isComplete() bool {
	return len(s.authority.Key) > 0 && s.secrets[0].version != 0 && s.secrets[1].version != 0
}

// isKnownToBoth reports whether both units trust the present authority.
func (s *simulation) isKnownToBoth() bool {
	return bytes.Contains(s.files[0].trusted, s.authority.Certificate) &&
		bytes.Contains(s.files[1].trusted, s.authority.Certificate)
}

func (s *simulation) draw(what string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most)).Draw(s.T, what))
}

// drawNeglect draws a time without a proper operator. It does not exceed what renewal in time allows for.
func (s *simulation) drawNeglect(what string, most time.Duration) time.Duration {
	return s.draw(what, max(min(most, neglect-s.neglected), time.Millisecond))
}

// start starts an operator without any memory.
func (s *simulation) start() { s.running, s.seen, s.healthy, s.wake = true, "", 0, s.now }

// TestUnitsAcceptEachOtherAlways simulates operators that stop, are killed between two writes, and have wrong clocks.
// Authorities are replaced at any time, and kubelets are late. Each unit accepts the other at every moment. Left alone,
// the pair reaches its final state.
func TestUnitsAcceptEachOtherAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(t)
		actions := map[string]func(){
			"minutes pass": func() { s.pass(s.draw("moments", 5*time.Minute)) },
			"hours pass":   func() { s.pass(s.draw("hours", 3*time.Hour)) },
			"weeks pass":   func() { s.pass(s.draw("weeks", 40*day)) },
			"the operator stops": func() {
				s.running = false
				s.pass(s.drawNeglect("without", 20*day))
				s.start()
			},
			"the operator restarts": func() { s.start() },
			"the operator is killed": func() {
				s.writes = rapid.IntRange(0, 3).Draw(t, "writes")
				s.pass(s.draw("until it is seen", 2*time.Hour))
				s.writes = -1
				s.start()
			},
			"the clock is set": func() {
				days := rapid.OneOf(rapid.IntRange(-1, 1), rapid.IntRange(-100, 100), rapid.IntRange(-20*365, 20*365))
				s.wrong = time.Duration(days.Draw(t, "days")) * day
				s.wrong += s.draw("hours more", day)
				if rapid.Bool().Draw(t, "looks") {
					s.wake = s.now
				}
				most := rapid.SampledFrom([]time.Duration{time.Hour, 3 * time.Hour, 10 * day}).Draw(t, "most")
				s.pass(s.drawNeglect("wrong", most))
				s.wrong = 0
				if rapid.Bool().Draw(t, "looks") {
					s.wake = s.now
				}
			},
			"the authority's Secret is deleted": func() {
				if s.isComplete() {
					s.authority, s.wake = credentials.KeyPair{}, s.now
				}
			},
			"a unit's Secret is deleted": func() {
				if s.isComplete() && s.isKnownToBoth() {
					s.secrets[rapid.IntRange(0, 1).Draw(t, "unit")] = secret{}
					s.wake = s.now
				}
			},
		}
		actionNames := []string{
			"minutes pass", "hours pass", "weeks pass", "the operator stops", "the operator restarts",
			"the operator is killed", "the clock is set", "the authority's Secret is deleted", "a unit's Secret is deleted",
		}
		for range rapid.IntRange(1, 20).Draw(t, "actions") {
			actions[rapid.SampledFrom(actionNames).Draw(t, "action")]()
		}
		s.start()
		s.pass(8 * time.Hour)
		if verdict := credentials.CheckAuthority(s.authority, domain, s.now); verdict != credentials.Usable {
			t.Fatalf("the authority is %v after hours at rest", verdict)
		}
		for i, files := range s.files {
			if !bytes.Equal(files.trusted, s.authority.Certificate) {
				t.Fatalf("%s does not trust exactly the authority after hours at rest", names[i])
			}
			verdict := credentials.CheckUnit(files.KeyPair, s.authority.Certificate, names[i], s.now)
			if verdict != credentials.Usable {
				t.Fatalf("the certificate of %s is %v after hours at rest", names[i], verdict)
			}
		}
	})
}
