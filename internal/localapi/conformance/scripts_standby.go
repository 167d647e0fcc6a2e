package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// sample returns the entries of clients, as script promise has collected them.
func (s *stage) sample(clients ...string) ([]localapi.Event, error) {
	var entries []localapi.Event
	for _, client := range clients {
		if len(s.samples[client]) == 0 {
			return nil, fmt.Errorf("script promise has collected no entry of %s; make it pass first", client)
		}
		entries = append(entries, s.samples[client]...)
	}
	return entries, nil
}

func playStandby(ctx context.Context, s *stage) error {
	entries, err := s.sample(firstClient)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Life = 1
	}
	if err := s.open(ctx, localapi.Standby, entries...); err != nil {
		return err
	}
	if err := s.refused(ctx, secondClient, "the unit is standby"); err != nil {
		return err
	}
	// The life of the entry ends meanwhile.
	if err := sleep(ctx, 2*time.Second); err != nil {
		return err
	}
	return s.silent(time.Time{}, "the unit is standby")
}

func playHeld(ctx context.Context, s *stage) error {
	entries, err := s.sample(firstClient, secondClient)
	if err != nil {
		return err
	}
	if err := s.open(ctx, localapi.Standby, entries[:1]...); err != nil {
		return err
	}
	s.sidecar.receive(entries[1:]...)
	revision := s.sidecar.lastRevision()
	return s.await(ctx, heldPatience, func() error {
		reported := s.sidecar.requests().contains(func(r request) bool {
			return r.operation == operationHeld && r.class == s.config.Class && r.revision == revision
		})
		if !reported {
			return fmt.Errorf("the provider did not report that it has revision %d; request "+
				"PUT /v1/classes/%s/held?revision=%d within %s", revision, s.config.Class, revision, heldPatience)
		}
		return nil
	})
}

func playTakeover(ctx context.Context, s *stage) error {
	first, err := s.sample(firstClient)
	if err != nil {
		return err
	}
	second, err := s.sample(secondClient)
	if err != nil {
		return err
	}
	if err := s.open(ctx, localapi.Standby, first...); err != nil {
		return err
	}
	s.sidecar.receive(second...)
	s.sidecar.become(localapi.Active, firstTerm+1)
	if err := s.honours(ctx, firstClient, "the list had its entry"); err != nil {
		return err
	}
	if err := s.honours(ctx, secondClient, "an event had its entry"); err != nil {
		return err
	}
	if err := s.granted(ctx, thirdClient, firstTerm+1); err != nil {
		return err
	}
	return s.keeps(append(first, second...))
}

func playRelapse(ctx context.Context, s *stage) error {
	second, err := s.sample(secondClient)
	if err != nil {
		return err
	}
	if err := s.open(ctx, localapi.Active); err != nil {
		return err
	}
	if err := s.granted(ctx, firstClient, firstTerm); err != nil {
		return err
	}
	entries := s.sidecar.entries()
	s.sidecar.become(localapi.Standby, firstTerm+1)
	if err := sleep(ctx, rolePatience); err != nil {
		return err
	}
	since := time.Now()
	if err := s.refused(ctx, thirdClient, "the unit is standby"); err != nil {
		return err
	}
	if err := s.silent(since, "the unit became standby a second ago"); err != nil {
		return err
	}
	for _, e := range entries {
		s.sidecar.remove(e.Key)
	}
	s.sidecar.receive(second...)
	s.sidecar.become(localapi.Active, firstTerm+2)
	if err := s.forgets(ctx, firstClient, "the peer deleted its entry"); err != nil {
		return err
	}
	if err := s.honours(ctx, secondClient, "the peer granted it"); err != nil {
		return err
	}
	return s.granted(ctx, thirdClient, firstTerm+2)
}

// unknownField is a field that a later release of a provider could add.
const unknownField = `"unknownField":{"of":["a","later"],"release":1}`

func playUnknown(ctx context.Context, s *stage) error {
	entries, err := s.sample(firstClient, secondClient)
	if err != nil {
		return err
	}
	for i, e := range entries {
		entries[i].Value = withUnknownField(e.Value)
	}
	s.sidecar = newSidecar(s.config, localapi.Standby, firstTerm)
	s.sidecar.behave(func(b *behaviour) { b.unknowns = true })
	s.sidecar.receive(entries[:1]...)
	if err := s.sidecar.appear(); err != nil {
		return err
	}
	if err := s.startProvider(ctx); err != nil {
		return err
	}
	s.sidecar.announce(localapi.Event{Type: "Weather", Key: "rain", Revision: 1})
	s.sidecar.receive(entries[1:]...)
	s.sidecar.become(localapi.Active, firstTerm+1)
	if err := s.honours(ctx, firstClient, "its entry has only a field more"); err != nil {
		return err
	}
	if err := s.honours(ctx, secondClient, "its entry came after an unknown event"); err != nil {
		return err
	}
	if err := s.granted(ctx, thirdClient, firstTerm+1); err != nil {
		return err
	}
	for _, e := range s.sidecar.entries() {
		if isObject(e.Value) && bytes.Contains(e.Value, []byte("unknownField")) {
			continue
		}
		for _, wanted := range entries {
			if wanted.Key == e.Key && isObject(wanted.Value) {
				return fmt.Errorf("the provider removed an unknown field from entry %q; keep the fields that you do not know",
					e.Key)
			}
		}
	}
	return nil
}

// withUnknownField adds unknownField to an object. It returns any other value as it is.
func withUnknownField(value json.RawMessage) json.RawMessage {
	if !isObject(value) {
		return value
	}
	inner := bytes.TrimSpace(value[1 : len(value)-1])
	if len(inner) == 0 {
		return json.RawMessage("{" + unknownField + "}")
	}
	return json.RawMessage("{" + string(inner) + "," + unknownField + "}")
}

func isObject(value json.RawMessage) bool {
	return len(value) > 1 && value[0] == '{' && value[len(value)-1] == '}'
}

// floodPatience is how long a provider may take to read all of them. A shell that writes a file for each needs most of
// it on a busy machine.
const floodPatience = 90 * time.Second

func playFlood(ctx context.Context, s *stage) error {
	wanted, err := s.sample(firstClient)
	if err != nil {
		return err
	}
	floodSize := localapi.Bounds().ClassEntries
	entries := make([]localapi.Event, 0, floodSize)
	for i := len(wanted); i < floodSize; i++ {
		e := wanted[0]
		e.Key = fmt.Sprintf("%.240s-flood-%d", e.Key, i)
		entries = append(entries, e)
	}
	entries = append(entries, wanted...)
	if err := s.open(ctx, localapi.Standby, entries...); err != nil {
		return err
	}
	s.sidecar.become(localapi.Active, firstTerm+1)
	err = s.await(ctx, floodPatience, func() error { return s.honours(ctx, firstClient, "the list had its entry") })
	if err != nil {
		return fmt.Errorf("with %d entries: %w", floodSize, err)
	}
	// The table is full, so room is made first.
	if err := s.ended(ctx, firstClient, firstTerm+1); err != nil {
		return fmt.Errorf("with %d entries: %w", floodSize, err)
	}
	return s.granted(ctx, thirdClient, firstTerm+1)
}
