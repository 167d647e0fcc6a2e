package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// firstTerm is the term in which a script begins.
const firstTerm = 7

func playListFirst(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	for _, r := range s.sidecar.requests() {
		switch {
		case r.class != s.config.Class:
		case r.operation.isWrite():
			return fmt.Errorf("the first request for class %s was a %s; list first, since the sidecar may have entries",
				r.class, r.operation)
		default:
			return nil
		}
	}
	return nil
}

// playPromise stores samples for the scripts after it.
func playPromise(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	var known []localapi.Event
	for _, client := range []string{firstClient, secondClient} {
		if err := s.granted(ctx, client, firstTerm); err != nil {
			return err
		}
		entries := s.sidecar.entries()
		s.samples[client] = slices.DeleteFunc(slices.Clone(entries), func(e localapi.Event) bool {
			return slices.ContainsFunc(known, func(k localapi.Event) bool { return k.Key == e.Key })
		})
		if len(s.samples[client]) == 0 {
			return fmt.Errorf("the provider served %s and published no entry", client)
		}
		known = entries
	}
	if err := s.honours(ctx, firstClient, "it is active and has granted it"); err != nil {
		return err
	}
	if err := s.ended(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	for _, e := range s.sidecar.entries() {
		if slices.ContainsFunc(s.samples[firstClient], func(gone localapi.Event) bool { return gone.Key == e.Key }) {
			return fmt.Errorf("the entry %q remains after its client has ended; delete it", e.Key)
		}
	}
	return s.forgets(ctx, firstClient, "its client has ended it")
}

// acknowledgementDelay is far longer than a peer takes, and far shorter than a client waits.
const acknowledgementDelay = 300 * time.Millisecond

func playSlowAcknowledgement(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	s.sidecar.behave(func(b *behaviour) { b.delay = acknowledgementDelay })
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	return s.ended(ctx, firstClient, firstTerm)
}

func playFull(ctx context.Context, s *stage) error {
	return s.refuseFor(ctx, localapi.NewProblem(localapi.Full, "the table has 65,536 entries"))
}

func playRefused(ctx context.Context, s *stage) error {
	return s.refuseFor(ctx, localapi.NewProblem(localapi.Invalid, "the entry is refused"))
}

// maxRepeats bounds how often a provider may repeat a write that was refused, within a second.
const maxRepeats = 10

// refuseFor answers all writes with a problem for a while.
func (s *stage) refuseFor(ctx context.Context, p *localapi.Problem) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	s.sidecar.behave(func(b *behaviour) { b.refusal = p })
	if err := s.refused(ctx, secondClient, fmt.Sprintf("the write was answered with %d", p.Status)); err != nil {
		return err
	}
	since := time.Now()
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	if repeats := len(s.sidecar.requests().writes(since)); repeats > maxRepeats {
		return fmt.Errorf("the provider repeated a write that was refused %d times within a second; at most %d are allowed",
			repeats, maxRepeats)
	}
	s.sidecar.behave(func(b *behaviour) { b.refusal = nil })
	if err := s.forgets(ctx, secondClient, "it was never granted"); err != nil {
		return err
	}
	if err := s.honours(ctx, firstClient, "it was granted before"); err != nil {
		return err
	}
	return s.granted(ctx, thirdClient, firstTerm)
}

func playTermChange(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	err := s.refusedUnderWrite(ctx, func() { s.sidecar.become(localapi.Standby, firstTerm+1) })
	if err != nil {
		return fmt.Errorf("when the unit became standby: %w", err)
	}
	if err := s.refused(ctx, thirdClient, "the unit is not active any more"); err != nil {
		return err
	}
	s.sidecar.become(localapi.Active, firstTerm+2)
	if err := s.granted(ctx, thirdClient, firstTerm+2); err != nil {
		return err
	}
	err = s.refusedUnderWrite(ctx, func() {
		s.sidecar.become(localapi.Standby, firstTerm+3)
		s.sidecar.become(localapi.Active, firstTerm+4)
	})
	if err != nil {
		return fmt.Errorf("when the unit was active in a later term: %w", err)
	}
	if err := s.honours(ctx, firstClient, "it was granted before"); err != nil {
		return err
	}
	return s.forgets(ctx, secondClient, "its writes were refused")
}

// playHandover announces a handover: once the unit stays active nevertheless, and once it does not.
func playHandover(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	if err := s.grantedDuringHandover(ctx, secondClient); err != nil {
		return err
	}
	if err := s.granted(ctx, thirdClient, firstTerm); err != nil {
		return fmt.Errorf("after a handover was announced, and the unit stayed active: %w", err)
	}
	entries := s.sidecar.entries()
	s.sidecar.announce(handoverSoon())
	if err := sleep(ctx, handoverNotice); err != nil {
		return err
	}
	s.sidecar.become(localapi.Standby, firstTerm+1)
	if err := sleep(ctx, rolePatience); err != nil {
		return err
	}
	since := time.Now()
	if err := s.refused(ctx, "client-4", "the unit has handed over its role"); err != nil {
		return err
	}
	if err := s.silent(since, "the unit has handed over its role"); err != nil {
		return err
	}
	if err := s.keeps(entries); err != nil {
		return err
	}
	s.sidecar.become(localapi.Active, firstTerm+2)
	for _, client := range []string{firstClient, secondClient, thirdClient} {
		if err := s.honours(ctx, client, "it was granted before the handover"); err != nil {
			return err
		}
	}
	return nil
}

// handoverNotice is how long before the handover it is announced.
const handoverNotice = 500 * time.Millisecond

func handoverSoon() localapi.Event {
	return localapi.Event{Type: localapi.HandoverSoon, Term: firstTerm}
}

// grantedDuringHandover announces a handover while a write of the provider waits for its answer. The write succeeds,
// so its client must be granted what it asked for.
func (s *stage) grantedDuringHandover(ctx context.Context, client string) error {
	a, err := s.beginUnderWrite(ctx, client, func() {
		s.sidecar.announce(handoverSoon())
		_ = sleep(ctx, acknowledgementDelay) // The provider learns of it before its write is answered.
	})
	switch {
	case err != nil:
		return err
	case !a.granted:
		return fmt.Errorf("the provider refused a client whose write had succeeded, when a handover was announced; finish "+
			"the answers, since there is time for them: %s", a.output)
	}
	return s.covered(a, firstTerm)
}

// refusedUnderWrite changes role or term while a write of the provider waits for its answer, and checks that the
// client is not granted what it asks for.
func (s *stage) refusedUnderWrite(ctx context.Context, change func()) error {
	second, err := s.beginUnderWrite(ctx, secondClient, change)
	switch {
	case err != nil:
		return err
	case second.granted:
		return errors.New("the provider promised something to a client although the write was refused; refuse, or do not " +
			"answer")
	}
	return nil
}

// beginUnderWrite calls the probe, and change while the write of the provider waits for its answer.
func (s *stage) beginUnderWrite(ctx context.Context, client string, change func()) (attempt, error) {
	gate := make(chan struct{})
	s.sidecar.behave(func(b *behaviour) { b.gate = gate })
	since := time.Now()
	type outcome struct {
		attempt
		err error
	}
	began := make(chan outcome, 1)
	go func() {
		a, err := s.begin(ctx, client)
		began <- outcome{a, err}
	}()
	arrived := s.await(ctx, rolePatience, func() error {
		if len(s.sidecar.requests().writes(since)) == 0 {
			return errors.New("the provider wrote nothing for its client")
		}
		return nil
	})
	change()
	s.sidecar.behave(func(b *behaviour) { b.gate = nil })
	close(gate)
	result := <-began
	return result.attempt, errors.Join(arrived, result.err)
}

func playSocketVanishes(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	entries := s.sidecar.entries()
	s.sidecar.vanish()
	if err := s.refused(ctx, secondClient, "the sidecar is gone"); err != nil {
		return err
	}
	s.sidecar.forgetAll()
	back := time.Now()
	if err := s.sidecar.appear(); err != nil {
		return err
	}
	if err := s.awaitWatch(ctx, back, rolePatience); err != nil {
		return fmt.Errorf("after the socket was back: %w", err)
	}
	err := s.await(ctx, rolePatience, func() error {
		for _, e := range entries {
			if !slices.ContainsFunc(s.sidecar.entries(), func(kept localapi.Event) bool { return kept.Key == e.Key }) {
				return fmt.Errorf("the provider did not publish entry %q again after the sidecar was back; send everything with "+
					"replace=true", e.Key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	replaced := s.sidecar.requests().contains(func(r request) bool { return r.replace && !r.arrived.Before(back) })
	if !replaced {
		return errors.New("the provider published its entries one by one after the sidecar was back, so that entries which " +
			"ended meanwhile would stay; send everything with replace=true")
	}
	if err := s.honours(ctx, firstClient, "it was granted before"); err != nil {
		return err
	}
	return s.granted(ctx, thirdClient, firstTerm)
}

func playKilled(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	entries := s.sidecar.entries()
	s.process.kill()
	again := time.Now()
	var err error
	if s.process, err = startProcess(s.config.Command, s.config.socket, s.output); err != nil {
		return err
	}
	if err := s.awaitWatch(ctx, again, startPatience); err != nil {
		return err
	}
	if err := s.honours(ctx, firstClient, "the sidecar has the entry"); err != nil {
		return err
	}
	if err := s.granted(ctx, secondClient, firstTerm); err != nil {
		return err
	}
	return s.keeps(entries)
}

func playEnd(ctx context.Context, s *stage) error {
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	entries := s.sidecar.entries()
	if err := s.process.terminate(endPatience); err != nil {
		return err
	}
	return s.keeps(entries) // the peer takes over, so nothing has ended
}
