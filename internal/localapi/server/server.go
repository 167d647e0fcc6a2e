package server

import (
	"context"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/state"
)

// retryPause is the time between two tries to listen.
const retryPause = time.Second

// Config configures a server.
type Config struct {
	// Pair, Namespace and Unit name the unit, as in localapi.Info.
	Pair, Namespace, Unit string
	// Directory has a directory for each provider, with its socket.
	Directory string
	// Providers are those who have a socket.
	Providers []contract.Provider
	// Catalogue has the names of the classes, and Tables their entries.
	Catalogue state.Catalogue
	Tables    *table.Set
	// Schemas validate the values that are written.
	Schemas schema.Classes
	// Kernel are the classes whose entries the kernel has instead of Tables.
	Kernel map[state.Class]KernelClass
	// Flush returns when the standby has every change of a class, and fails at once if no standby is in sync.
	Flush func(ctx context.Context, class state.Class) error
	// IsPeerInSync reports whether the standby has everything.
	IsPeerInSync func() bool
	// StallTimeout is how long a watch may not read; 0 is that of localapi.Bounds.
	StallTimeout time.Duration
	// HeldTimeout is how long a provider may lack a change; 0 is that of localapi.Bounds.
	HeldTimeout time.Duration
	// Metrics are updated. If it is nil, the server creates metrics that nobody reads.
	Metrics *Metrics
	Log     logr.Logger
}

// Server serves providers. Its methods are safe for concurrent use.
type Server struct {
	config Config
	board  *board
	held   *held
	quotas map[string]table.Quota
}

// New returns a server of a unit without a role. It does nothing until Run.
func New(config Config) *Server {
	if config.Metrics == nil {
		config.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if config.StallTimeout == 0 {
		config.StallTimeout = time.Duration(localapi.Bounds().StallSeconds) * time.Second
	}
	if config.HeldTimeout == 0 {
		config.HeldTimeout = time.Duration(localapi.Bounds().HeldSeconds) * time.Second
	}
	s := &Server{config: config, board: newBoard(), quotas: map[string]table.Quota{}}
	for class, q := range contract.Quotas(config.Providers) {
		s.quotas[class] = table.Quota{Entries: q.Entries, Bytes: q.Mebibytes << 20}
	}
	s.held = newHeld(config.Providers, s.class)
	config.Metrics.observe(config.Catalogue, config.Tables, s.held)
	return s
}

// SocketOf returns the path of the socket of a provider below a directory.
func SocketOf(directory, provider string) string {
	return path.Join(directory, provider, path.Base(contract.ProviderSocket))
}

// Become sets the role and the term of the unit. It returns at once, and from then on refuses writes of another term.
func (s *Server) Become(role localapi.Role, term uint64) {
	s.board.set(standing{role: role, term: term})
}

// HandoverSoon announces to the providers that the unit is about to hand over its role. It returns at once.
func (s *Server) HandoverSoon() { s.board.announceHandover() }

// Run serves until ctx ends. A socket that cannot be opened is tried again: the traffic does not depend on providers.
func (s *Server) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { s.config.Tables.Run(ctx) })
	running.Go(func() { s.board.run(ctx, s.config.Tables.Become, s.settle) })
	for _, p := range s.config.Providers {
		running.Go(func() { s.serveProvider(ctx, p) })
	}
	running.Wait()
}

// settle prepares the tables and the providers of a unit that has ceased to be active for what the peer will send.
func (s *Server) settle(isActive bool) {
	if !isActive {
		s.held.settle()
		s.config.Tables.DropUnreplicated()
	}
}

// serveProvider serves one provider until ctx ends.
func (s *Server) serveProvider(ctx context.Context, p contract.Provider) {
	log := s.config.Log.WithValues("provider", p.Name)
	socket := newSocket(s, p, log)
	for problem := ""; ; {
		err := socket.serve(ctx, SocketOf(s.config.Directory, p.Name))
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != problem {
			problem = err.Error()
			log.Error(err, "Serving provider failed, trying again")
		}
		if !backoff.Sleep(ctx, retryPause) {
			return
		}
	}
}

// operation is what serves an operation of the API. It returns a problem instead of writing a response.
type operation func(w http.ResponseWriter, r *request) *localapi.Problem

// operations returns what serves each operation, by its ID.
func (s *Server) operations() map[string]operation {
	return map[string]operation{
		"getInfo":         s.getInfo,
		"getEntitlements": s.getEntitlements,
		"listClass":       s.listClass,
		"putEntry":        s.putEntry,
		"deleteEntry":     s.deleteEntry,
		"writeBatch":      s.writeBatch,
		"putHeld":         s.putHeld,
		"followEvents":    s.followEvents,
	}
}

// getInfo answers with the unit and what the provider may do.
func (s *Server) getInfo(w http.ResponseWriter, r *request) *localapi.Problem {
	now := s.board.visible()
	writeJSON(w, localapi.Info{
		APIVersions: []string{"v1"},
		Pair:        s.config.Pair, Namespace: s.config.Namespace, Unit: s.config.Unit,
		Role: now.role, Term: now.term, PeerInSync: s.config.IsPeerInSync(),
		Grants: localapi.Grants{
			Writes: append([]string{}, r.provider.Writes...), Reads: append([]string{}, r.provider.Reads...),
		},
		Limits: localapi.Bounds(),
	})
	return nil
}
