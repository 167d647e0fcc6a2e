package conformance

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/schema"
)

// sidecar plays the sidecar of a unit. A script sets its state and reads its journal.
type sidecar struct {
	socket string
	class  string // the class under test
	// schemas validate the values that the provider writes.
	schemas schema.Classes

	mutex    sync.Mutex
	server   *http.Server
	serving  sync.WaitGroup
	role     localapi.Role
	term     uint64
	revision uint64
	tables   map[string]map[string]localapi.Event // entries by class and key
	watchers map[*watcher]bool
	journal  journal
	// breaches are requests that break the contract whatever the script is.
	breaches []string
	behaviour
}

// behaviour is how the played sidecar differs from one that does what it is asked at once.
type behaviour struct {
	// delay is how long the answer to a write is held back.
	delay time.Duration
	// gate holds back writes until it is closed. It is nil if writes are not held back.
	gate chan struct{}
	// refusal answers all writes, unless it is nil.
	refusal *localapi.Problem
	// unknowns adds fields and events that no provider knows.
	unknowns bool
}

func newSidecar(c Config, role localapi.Role, term uint64) *sidecar {
	return &sidecar{
		socket: c.socket, class: c.Class, schemas: c.schemas, role: role, term: term,
		tables: map[string]map[string]localapi.Event{}, watchers: map[*watcher]bool{},
	}
}

// appear listens at the socket.
func (s *sidecar) appear() error {
	listener, err := net.Listen("unix", s.socket)
	if err != nil {
		return fmt.Errorf("listening at the socket: %w", err)
	}
	if err := os.Chmod(s.socket, 0o666); err != nil {
		return errors.Join(fmt.Errorf("opening the socket to all users: %w", err), listener.Close())
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.server = server
	s.serving.Go(func() { _ = server.Serve(listener) })
	return nil
}

// vanish removes the socket and ends all connections, as the end of a sidecar does.
func (s *sidecar) vanish() {
	s.mutex.Lock()
	server := s.server
	s.server = nil
	s.mutex.Unlock()
	if server == nil {
		return
	}
	_ = server.Close()
	s.serving.Wait()
}

// forgetAll removes all entries without telling anybody, as a restart of the sidecar does.
func (s *sidecar) forgetAll() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tables = map[string]map[string]localapi.Event{}
}

// behave changes the behaviour.
func (s *sidecar) behave(change func(*behaviour)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(&s.behaviour)
}

// become changes role and term, and tells the watchers.
func (s *sidecar) become(role localapi.Role, term uint64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.role, s.term = role, term
	s.tell("", localapi.Event{Type: localapi.RoleChanged, Role: role, Term: term})
}

// receive stores entries of the peer, and tells the watchers.
func (s *sidecar) receive(entries ...localapi.Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, e := range entries {
		s.store(s.class, e)
	}
}

// remove deletes an entry, as the peer does.
func (s *sidecar) remove(key string) {
	s.receive(localapi.Event{Type: localapi.Delete, Key: key})
}

// store changes one entry. The caller holds the mutex.
func (s *sidecar) store(class string, e localapi.Event) {
	s.revision++
	e.Revision = s.revision
	table := s.tables[class]
	if table == nil {
		table = map[string]localapi.Event{}
		s.tables[class] = table
	}
	if e.Type == localapi.Delete {
		delete(table, e.Key)
	} else {
		table[e.Key] = e
	}
	s.tell(class, e)
}

// tell offers an event to the watchers of a class, or to all of them if the class is empty. The caller holds the mutex.
func (s *sidecar) tell(class string, e localapi.Event) {
	for w := range s.watchers {
		if class != "" && w.class != class {
			continue
		}
		if !w.offer(e) {
			s.breach("the provider did not read its events: %d of them wait", maxWaiting)
			delete(s.watchers, w)
		}
	}
}

// announce sends an event that changes nothing to the watchers.
func (s *sidecar) announce(e localapi.Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tell("", e)
}

// breach records that the provider broke the contract. The caller holds the mutex.
func (s *sidecar) breach(format string, arguments ...any) {
	const enough = 20
	if len(s.breaches) < enough {
		s.breaches = append(s.breaches, fmt.Sprintf(format, arguments...))
	}
}

// entries returns the entries of the class under test, sorted by key.
func (s *sidecar) entries() []localapi.Event {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.sorted(s.class)
}

func (s *sidecar) sorted(class string) []localapi.Event {
	table := s.tables[class]
	var sorted []localapi.Event
	for _, key := range slices.Sorted(maps.Keys(table)) {
		sorted = append(sorted, table[key])
	}
	return sorted
}

// requests returns a copy of the journal.
func (s *sidecar) requests() journal {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.journal)
}

// lastRevision returns the newest revision.
func (s *sidecar) lastRevision() uint64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.revision
}

// err returns what the provider broke, whatever the script is.
func (s *sidecar) err() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var errs []error
	for _, b := range s.breaches {
		errs = append(errs, errors.New(b))
	}
	return errors.Join(errs...)
}
