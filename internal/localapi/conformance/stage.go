package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// Bounds of the contract, and the margin that a busy machine needs.
const (
	// startPatience is how long a provider may take from its start to its list.
	startPatience = 10 * time.Second
	// rolePatience is how long a provider may take to follow a change of role or term, or a sidecar that is back.
	rolePatience = time.Second
	// margin is added to each bound.
	margin = time.Second
	// endPatience is how long a provider may run after SIGTERM.
	endPatience = 5 * time.Second
	// heldPatience is how long a provider may take to report what it holds.
	heldPatience = 5 * time.Second
)

// The clients of the probe.
const (
	firstClient  = "client-1"
	secondClient = "client-2"
	thirdClient  = "client-3"
)

// stage is what a script acts on: the played sidecar, the provider, and the probe.
type stage struct {
	config  Config
	samples samples
	sidecar *sidecar
	process *process
	output  *tail
}

// samples are entries that the provider itself has published, by client. Scripts give them to a provider as entries of
// the peer.
type samples map[string][]localapi.Event

// open plays a sidecar in firstTerm with entries, starts the provider, and waits until it follows its class.
func (s *stage) open(ctx context.Context, role localapi.Role, entries ...localapi.Event) error {
	s.sidecar = newSidecar(s.config, role, firstTerm)
	s.sidecar.receive(entries...)
	if err := s.sidecar.appear(); err != nil {
		return err
	}
	return s.startProvider(ctx)
}

func (s *stage) startProvider(ctx context.Context) error {
	var err error
	if s.process, err = startProcess(s.config.Command, s.config.socket, s.output); err != nil {
		return err
	}
	return s.awaitWatch(ctx, time.Now(), startPatience)
}

// awaitWatch waits until the provider lists and watches the class.
func (s *stage) awaitWatch(ctx context.Context, since time.Time, patience time.Duration) error {
	return s.await(ctx, patience, func() error {
		for _, r := range s.sidecar.requests() {
			if r.operation == operationWatch && r.class == s.config.Class && !r.answered.Before(since) {
				return nil
			}
		}
		return fmt.Errorf("the provider does not watch class %s; request GET /v1/classes/%s?watch=true within %s",
			s.config.Class, s.config.Class, patience)
	})
}

// close ends everything that the script has started.
func (s *stage) close() {
	if s.process != nil {
		s.process.kill()
	}
	if s.sidecar != nil {
		s.sidecar.vanish()
	}
}

// await repeats a check until it succeeds, or returns its last error when the patience has ended.
func (s *stage) await(ctx context.Context, patience time.Duration, check func() error) error {
	deadline := time.Now().Add(patience + margin)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if s.process != nil {
			if ended := s.process.check(); ended != nil {
				return errors.Join(ended, err)
			}
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// begin calls the probe once, for a client that asks for something.
func (s *stage) begin(ctx context.Context, client string) (attempt, error) {
	return call(ctx, s.config.Probe, actionBegin, client)
}

// granted waits until a client is granted what it asks for, and checks that a write was acknowledged before.
func (s *stage) granted(ctx context.Context, client string, term uint64) error {
	return s.served(ctx, actionBegin, client, term)
}

// ended waits until a client has given back what it had, and checks that the deletion was acknowledged before.
func (s *stage) ended(ctx context.Context, client string, term uint64) error {
	return s.served(ctx, actionEnd, client, term)
}

func (s *stage) served(ctx context.Context, action, client string, term uint64) error {
	var last attempt
	err := s.await(ctx, rolePatience, func() (err error) {
		if last, err = call(ctx, s.config.Probe, action, client); err != nil {
			return err
		}
		if !last.granted {
			return fmt.Errorf("the provider did not serve the active unit's client: probe %s %s failed: %s",
				action, client, last.output)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.covered(last, term)
}

// covered checks that a write was acknowledged during an attempt that was granted.
func (s *stage) covered(a attempt, term uint64) error {
	writes := s.sidecar.requests().writes(a.began)
	acknowledged := writes.where(func(r request) bool { return r.succeeded(a.ended) })
	switch {
	case len(writes) == 0:
		return errors.New("the provider promised something to a client and wrote nothing; write it first")
	case len(acknowledged) == 0:
		return errors.New("the provider promised something to a client before its write was answered with success; wait " +
			"for the answer")
	case !acknowledged.contains(func(r request) bool { return r.term == term }):
		return fmt.Errorf("the provider wrote with another term than %d; use that of the newest event", term)
	case !acknowledged.contains(func(r request) bool { return r.durable }):
		return errors.New("the provider promised something to a client that only this unit has; write it with durable")
	}
	return nil
}

// refused checks that a client is not granted what it asks for.
func (s *stage) refused(ctx context.Context, client, why string) error {
	a, err := s.begin(ctx, client)
	if err != nil {
		return err
	}
	if a.granted {
		return fmt.Errorf("the provider promised something to a client although %s; refuse, or do not answer", why)
	}
	return s.process.check()
}

// honours waits until the provider honours what a client was granted.
func (s *stage) honours(ctx context.Context, client, why string) error {
	return s.await(ctx, rolePatience, func() error {
		a, err := call(ctx, s.config.Probe, actionCheck, client)
		if err == nil && !a.granted {
			err = fmt.Errorf("the provider does not honour what it granted %s; it must, since %s: %s", client, why, a.output)
		}
		return err
	})
}

// forgets waits until the provider honours nothing of a client.
func (s *stage) forgets(ctx context.Context, client, why string) error {
	return s.await(ctx, rolePatience, func() error {
		a, err := call(ctx, s.config.Probe, actionCheck, client)
		if err == nil && a.granted {
			err = fmt.Errorf("the provider still honours what %s had; it must not, since %s", client, why)
		}
		return err
	})
}

// silent checks that the provider wrote nothing from an instant on.
func (s *stage) silent(since time.Time, why string) error {
	if writes := s.sidecar.requests().writes(since); len(writes) > 0 {
		return fmt.Errorf("the provider wrote %d times although %s (the first was a %s); write on the active unit only",
			len(writes), why, writes[0].operation)
	}
	return nil
}

// keeps checks that the sidecar still has entries with these keys, and that the provider has never deleted them.
func (s *stage) keeps(entries []localapi.Event) error {
	for _, e := range entries {
		if !slices.ContainsFunc(s.sidecar.entries(), func(kept localapi.Event) bool { return kept.Key == e.Key }) {
			return fmt.Errorf("the provider deleted entry %q, which it was to keep; list before you replace", e.Key)
		}
		for _, r := range s.sidecar.requests() {
			if slices.Contains(r.deletes, e.Key) || r.replace && !slices.Contains(r.puts, e.Key) {
				return fmt.Errorf("the provider deleted entry %q for a while; list before you replace", e.Key)
			}
		}
	}
	return nil
}
