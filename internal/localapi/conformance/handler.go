package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// handler returns the routes of the local API.
func (s *sidecar) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1", s.serveInfo)
	mux.HandleFunc("GET /v1/entitlements", s.serveEntitlements)
	mux.HandleFunc("GET /v1/events", s.serveEvents)
	mux.HandleFunc("GET /v1/classes/{class}", s.serveEntries)
	mux.HandleFunc("POST /v1/classes/{class}", s.serveBatch)
	mux.HandleFunc("PUT /v1/classes/{class}/held", s.serveHeld)
	mux.HandleFunc("PUT /v1/classes/{class}/entries/{key...}", s.servePut)
	mux.HandleFunc("DELETE /v1/classes/{class}/entries/{key...}", s.serveDelete)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		s.breach("%s %s is no request of the API", r.Method, r.URL.Path)
		s.mutex.Unlock()
		answerProblem(w, localapi.NewProblem(localapi.NotFound, "there is no such request"))
	})
	return mux
}

// arrive adds a request to the journal and returns its index.
func (s *sidecar) arrive(r request) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r.arrived = time.Now()
	if len(s.journal) >= maxJournal {
		s.breach("the provider made more than %d requests", maxJournal)
		return len(s.journal) - 1
	}
	s.journal = append(s.journal, r)
	return len(s.journal) - 1
}

// answered records the answer to a request.
func (s *sidecar) answered(index, status int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.journal[index].answered, s.journal[index].status = time.Now(), status
}

func (s *sidecar) serveInfo(w http.ResponseWriter, _ *http.Request) {
	index := s.arrive(request{operation: operationInfo})
	s.mutex.Lock()
	info := localapi.Info{
		APIVersions: []string{"v1"}, Pair: "providertest", Namespace: "default", Unit: "primary",
		Role: s.role, Term: s.term, PeerInSync: true,
		Grants: localapi.Grants{Writes: []string{s.class}, Reads: []string{}}, Limits: localapi.Bounds(),
	}
	if s.unknowns {
		info.APIVersions = append(info.APIVersions, "v2")
	}
	s.mutex.Unlock()
	s.answered(index, http.StatusOK)
	answerJSON(w, localapi.JSON, http.StatusOK, info)
}

func (s *sidecar) serveEntitlements(w http.ResponseWriter, _ *http.Request) {
	index := s.arrive(request{operation: operationInfo})
	bounds := localapi.Bounds()
	entitled := localapi.Entitlement{
		Class: s.class, Quota: localapi.Quantity{Entries: bounds.ClassEntries, Bytes: bounds.ClassBytes},
	}
	for _, o := range localapi.Operations() {
		if o.HasClass() {
			entitled.Operations = append(entitled.Operations, o.ID)
		}
	}
	entitled.Used.Entries = len(s.entries())
	s.answered(index, http.StatusOK)
	answerJSON(w, localapi.JSON, http.StatusOK, localapi.Entitlements{Classes: []localapi.Entitlement{entitled}})
}

func (s *sidecar) serveEvents(w http.ResponseWriter, r *http.Request) {
	follow := newWatcher("")
	index := s.arrive(request{operation: operationEvents})
	s.mutex.Lock()
	s.watchers[follow] = true
	first := []localapi.Event{{Type: localapi.RoleChanged, Role: s.role, Term: s.term}}
	unknowns := s.unknowns
	s.mutex.Unlock()
	defer s.leave(follow)
	s.answered(index, http.StatusOK)
	stream(w, r, first, follow, unknowns)
}

func (s *sidecar) serveEntries(w http.ResponseWriter, r *http.Request) {
	class := r.PathValue("class")
	wanted, follow := operationList, (*watcher)(nil)
	if r.URL.Query().Get("watch") == "true" {
		wanted, follow = operationWatch, newWatcher(class)
	}
	index := s.arrive(request{operation: wanted, class: class})
	s.mutex.Lock()
	first := []localapi.Event{{Type: localapi.List, Role: s.role, Term: s.term, Revision: s.revision}}
	if s.unknowns {
		first = append(first, localapi.Event{Type: "Weather", Key: "sun"})
	}
	first = append(first, s.sorted(class)...)
	first = append(first, localapi.Event{Type: localapi.Listed, Revision: s.revision})
	if follow != nil {
		s.watchers[follow] = true
	}
	unknowns := s.unknowns
	s.mutex.Unlock()
	defer s.leave(follow)
	s.answered(index, http.StatusOK)
	stream(w, r, first, follow, unknowns)
}

func (s *sidecar) leave(w *watcher) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.watchers, w)
}

func (s *sidecar) serveHeld(w http.ResponseWriter, r *http.Request) {
	revision, err := strconv.ParseUint(r.URL.Query().Get("revision"), 10, 64)
	index := s.arrive(request{operation: operationHeld, class: r.PathValue("class"), revision: revision})
	if err != nil {
		s.refuse(w, index, invalid("revision", "a number is needed"))
		return
	}
	s.answered(index, http.StatusNoContent)
	w.WriteHeader(http.StatusNoContent)
}

func (s *sidecar) servePut(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(4*localapi.Bounds().ValueBytes)))
	e := localapi.Event{Type: localapi.Put, Key: r.PathValue("key"), Value: value}
	if text := r.URL.Query().Get("life"); text != "" && err == nil {
		e.Life, err = strconv.ParseFloat(text, 64)
	}
	s.write(w, r, request{operation: operationPut, puts: []string{e.Key}}, []localapi.Event{e}, err)
}

func (s *sidecar) serveDelete(w http.ResponseWriter, r *http.Request) {
	e := localapi.Event{Type: localapi.Delete, Key: r.PathValue("key")}
	s.write(w, r, request{operation: operationDelete, deletes: []string{e.Key}}, []localapi.Event{e}, nil)
}

func (s *sidecar) serveBatch(w http.ResponseWriter, r *http.Request) {
	wanted := request{operation: operationBatch, replace: r.URL.Query().Get("replace") == "true"}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, int64(localapi.Bounds().BatchBytes)))
	var events []localapi.Event
	for {
		var e localapi.Event
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.write(w, r, wanted, nil, err)
			return
		}
		switch e.Type {
		case localapi.Put:
			wanted.puts = append(wanted.puts, e.Key)
		case localapi.Delete:
			wanted.deletes = append(wanted.deletes, e.Key)
		default:
			s.write(w, r, wanted, nil, fmt.Errorf("a line of type %q is neither Put nor Delete", e.Type))
			return
		}
		events = append(events, e)
	}
	s.write(w, r, wanted, events, nil)
}

// write answers a request that changes entries. An error is what is wrong with its body.
func (s *sidecar) write(w http.ResponseWriter, r *http.Request, wanted request, events []localapi.Event, err error) {
	query := r.URL.Query()
	wanted.class = r.PathValue("class")
	var termErr error
	wanted.term, termErr = strconv.ParseUint(query.Get("term"), 10, 64)
	var durable float64
	var durableErr error
	if text := query.Get("durable"); text != "" {
		durable, durableErr = strconv.ParseFloat(text, 64)
	}
	wanted.durable = durable > 0
	index := s.arrive(wanted)
	s.hold(r)
	problem := unknownParameter(r)
	switch {
	case problem != nil:
	case err != nil:
		problem = invalid("body", err.Error())
	case termErr != nil:
		problem = invalid("term", "a write needs the term as a number")
	case durableErr != nil || durable < 0 || durable > float64(localapi.Bounds().DurableSeconds):
		problem = invalid("durable", "seconds from 0 to 5 are needed")
	default:
		problem = s.validate(wanted.class, events)
	}
	if problem != nil {
		s.refuse(w, index, problem)
		return
	}
	revision, problem := s.change(wanted, events)
	if problem != nil {
		s.answered(index, problem.Status)
		answerProblem(w, problem)
		return
	}
	s.answered(index, http.StatusOK)
	answerJSON(w, localapi.JSON, http.StatusOK, localapi.Written{Revision: revision, Durable: wanted.durable})
}

// hold waits as long as the script wants writes to wait.
func (s *sidecar) hold(r *http.Request) {
	s.mutex.Lock()
	delay, gate := s.delay, s.gate
	s.mutex.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
	}
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}
}

// change applies a write, or returns why it is refused.
func (s *sidecar) change(wanted request, events []localapi.Event) (uint64, *localapi.Problem) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case s.role != localapi.Active:
		return 0, localapi.NewProblem(localapi.NotActive, "this unit is %s", s.role)
	case wanted.term != s.term:
		return 0, localapi.NewProblem(localapi.StaleTerm, "the term is %d and not %d", s.term, wanted.term)
	case s.refusal != nil:
		return 0, s.refusal
	}
	if wanted.replace {
		kept := map[string]bool{}
		for _, e := range events {
			kept[e.Key] = true
		}
		for _, e := range s.sorted(wanted.class) {
			if !kept[e.Key] {
				s.store(wanted.class, localapi.Event{Type: localapi.Delete, Key: e.Key})
			}
		}
	}
	for _, e := range events {
		s.store(wanted.class, e)
	}
	return s.revision, nil
}

// refuse answers a request that breaks the contract, and records it.
func (s *sidecar) refuse(w http.ResponseWriter, index int, p *localapi.Problem) {
	s.answered(index, p.Status)
	s.mutex.Lock()
	s.breach("a %s request was invalid: %s: %s", s.journal[index].operation, p.Field, p.Detail)
	s.mutex.Unlock()
	answerProblem(w, p)
}

// unknownParameter returns a problem if the query has a parameter that the operation does not have.
func unknownParameter(r *http.Request) *localapi.Problem {
	for _, operation := range localapi.Operations() {
		if operation.Method+" "+operation.Path != strings.Replace(r.Pattern, "{key...}", "{key}", 1) {
			continue
		}
		for name := range r.URL.Query() {
			if !slices.ContainsFunc(operation.Query, func(p localapi.Parameter) bool { return p.Name == name }) {
				return localapi.NewProblem(localapi.Invalid, "%s has no such parameter", operation.ID).In(name)
			}
		}
	}
	return nil
}

// validate checks entries as the sidecar does.
func (s *sidecar) validate(class string, events []localapi.Event) *localapi.Problem {
	for i := range events {
		e := &events[i]
		if p := localapi.CheckKey(e.Key); p != nil {
			return p
		}
		if e.Type == localapi.Delete {
			continue
		}
		if _, p := localapi.Life(e.Life); p != nil {
			return p
		}
		compact, p := localapi.CompactValue(e.Value)
		if p != nil {
			return p
		}
		if p := s.schemas.Check(class, e.Key, compact); p != nil {
			return p
		}
		e.Value = compact
	}
	return nil
}

func invalid(field, detail string) *localapi.Problem {
	return localapi.NewProblem(localapi.Invalid, "%s", detail).In(field)
}

func answerProblem(w http.ResponseWriter, p *localapi.Problem) {
	answerJSON(w, localapi.ProblemJSON, p.Status, p)
}

func answerJSON(w http.ResponseWriter, kind string, status int, value any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the connection has ended if it fails
}
