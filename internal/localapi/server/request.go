package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/state"
)

// request is a request whose user, class and parameters were checked.
type request struct {
	*http.Request
	provider contract.Provider
	class    class
	query    map[string]string
	// body is that of the operation; it is bounded.
	body []byte
}

// heldBy returns the provider and the class of the request.
func (r *request) heldBy() heldBy { return heldBy{provider: r.provider.Name, class: r.class.name} }

// class is a class as a provider sees it.
type class struct {
	name  string
	id    state.Class
	table *table.Table
	// kernel has the entries instead of table, if the class is one of Config.Kernel.
	kernel KernelClass
	// mayUse reports whether the provider may use an address object of a kernel class.
	mayUse func(object string) bool
	// prefix is what the keys of the class begin with in its table.
	prefix string
	// schemas validate values.
	schemas schema.Classes
	// quota bounds the class. The classes of the catalogue have none: each has a table of its own.
	quota table.Quota
}

// handler returns what serves the requests of a socket.
func (k *socket) handler() http.Handler {
	mux, serve := http.NewServeMux(), k.server.operations()
	for _, o := range localapi.Operations() {
		mux.HandleFunc(o.Method+" "+o.Path, func(w http.ResponseWriter, r *http.Request) {
			k.serving.Add(1)
			defer k.serving.Done()
			counted := &countedWriter{ResponseWriter: w, status: http.StatusOK}
			defer func() { k.server.config.Metrics.count(k.provider.Name, o.ID, counted.status) }()
			if problem := k.serveOne(counted, r, o, serve[o.ID]); problem != nil {
				writeProblem(counted, problem)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, localapi.NewProblem(localapi.NotFound, "there is no %s %s; see the operations of /v1", r.Method,
			r.URL.Path))
	})
	return mux
}

// serveOne serves one request.
func (k *socket) serveOne(
	w http.ResponseWriter, r *http.Request, o localapi.Operation, serve operation,
) *localapi.Problem {
	if problem := k.checkUser(r.Context()); problem != nil {
		return problem
	}
	checked := &request{Request: r, provider: k.provider}
	var problem *localapi.Problem
	if checked.query, problem = parseQuery(r, o); problem != nil {
		return problem
	}
	if o.HasClass() {
		if checked.class, problem = k.classOf(r.PathValue("class"), o); problem != nil {
			return problem
		}
	}
	places, what := k.requests, "requests"
	if checked.isStream(o) {
		places, what = k.watches, "watches"
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return localapi.NewProblem(localapi.Busy, "the socket serves %d %s already; try again later", cap(places), what)
	}
	if o.Request.MaxBytes > 0 {
		if checked.body, problem = readBody(w, r, o.Request.MaxBytes); problem != nil {
			return problem
		}
	}
	return serve(w, checked)
}

// isStream reports whether the response has no end.
func (r *request) isStream(o localapi.Operation) bool {
	return o.ID == "followEvents" || o.ID == "listClass" && r.query["watch"] == "true"
}

// classOf returns the class with a name, if the provider may use it.
func (k *socket) classOf(name string, o localapi.Operation) (class, *localapi.Problem) {
	found, ok := k.server.class(name)
	if !ok {
		return class{}, localapi.NewProblem(localapi.UnknownClass, "the unit has no class %q", name)
	}
	switch {
	case o.IsWrite() && !k.provider.MayWrite(name):
		return class{}, localapi.NewProblem(localapi.NotGranted, "provider %s may not write class %s; it may write: %s",
			k.provider.Name, name, list(k.provider.Writes))
	case !k.provider.MayRead(name):
		return class{}, localapi.NewProblem(localapi.NotGranted, "provider %s may not read class %s; it may read: %s",
			k.provider.Name, name, list(k.provider.Writes, k.provider.Reads))
	}
	found.mayUse = k.provider.MayUseObject
	return found, nil
}

func list(names ...[]string) string {
	if all := strings.Join(slices.Concat(names...), ", "); all != "" {
		return all
	}
	return "none"
}

// class returns the class with a name.
func (s *Server) class(name string) (class, bool) {
	if localapi.IsOwnClass(name) {
		t, ok := s.config.Tables.Table(state.Custom)
		return class{name: name, id: state.Custom, table: t, prefix: name + "/", quota: s.quotas[name]}, ok
	}
	row, ok := s.config.Catalogue.Named(name)
	if !ok || row.ID == state.Custom {
		return class{}, false
	}
	if k, ok := s.config.Kernel[row.ID]; ok {
		return class{name: name, id: row.ID, kernel: k}, true
	}
	t, ok := s.config.Tables.Table(row.ID)
	return class{name: name, id: row.ID, table: t, schemas: s.config.Schemas}, ok
}

// parseQuery returns the query parameters. One that the operation does not have is a problem: a misspelt life would
// otherwise be none.
func parseQuery(r *http.Request, o localapi.Operation) (map[string]string, *localapi.Problem) {
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		i := slices.IndexFunc(o.Query, func(p localapi.Parameter) bool { return p.Name == name })
		if i < 0 {
			return nil, localapi.NewProblem(localapi.Invalid, "%s has no such parameter", o.ID).In(name)
		}
		if len(values) != 1 || !isOf(o.Query[i].Type, values[0]) {
			return nil, localapi.NewProblem(localapi.Invalid, "%q is no %s", strings.Join(values, ","), o.Query[i].Type).In(name)
		}
		query[name] = values[0]
	}
	for _, p := range o.Query {
		if _, ok := query[p.Name]; p.Required && !ok {
			return nil, localapi.NewProblem(localapi.Invalid, "the parameter is required").In(p.Name)
		}
	}
	return query, nil
}

// isOf reports whether a text has a type.
func isOf(t localapi.ParameterType, text string) bool {
	var err error
	switch t {
	case localapi.Boolean:
		return text == "true" || text == "false"
	case localapi.Integer:
		_, err = strconv.ParseUint(text, 10, 64)
	case localapi.SecondsNumber:
		_, err = strconv.ParseFloat(text, 64)
	}
	return err == nil
}

// integer returns a parameter of that type; 0 if it is absent.
func (r *request) integer(name string) uint64 {
	n, _ := strconv.ParseUint(r.query[name], 10, 64) // parseQuery has checked it
	return n
}

// life returns the parameter life.
func (r *request) life() (time.Duration, *localapi.Problem) {
	text, ok := r.query["life"]
	if !ok {
		return 0, nil
	}
	seconds, _ := strconv.ParseFloat(text, 64) // parseQuery has checked it
	if seconds == 0 {
		return 0, localapi.NewProblem(localapi.Invalid, "a life is longer than 0; leave it out for an entry without end").
			In("life")
	}
	return localapi.Life(seconds)
}

// durable returns the parameter durable.
func (r *request) durable() (time.Duration, *localapi.Problem) {
	seconds, _ := strconv.ParseFloat(r.query["durable"], 64)
	if limit := localapi.Bounds().DurableSeconds; !(seconds >= 0 && seconds <= float64(limit)) {
		return 0, localapi.NewProblem(localapi.Invalid, "%v seconds are not within 0 and %d", seconds, limit).In("durable")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// writeJSON writes a response.
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", localapi.JSON)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// writeProblem writes a problem as the response.
func writeProblem(w http.ResponseWriter, problem *localapi.Problem) {
	w.Header().Set("Content-Type", localapi.ProblemJSON)
	w.WriteHeader(problem.Status)
	_ = json.NewEncoder(w).Encode(problem) // the client has gone
}

// countedWriter stores the status of a response.
type countedWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (c *countedWriter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (c *countedWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
