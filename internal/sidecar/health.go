package sidecar

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/admission"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// stalled is how long the loop may be without a turn before the process counts as hung. The loop turns at least every
// maxIdle, also on a busy machine.
const stalled = 10 * time.Second

// maxProbes bounds the connections to the health server. A probe needs one for a few milliseconds.
const maxProbes = 32

// health is the state of the loop that the health server reads.
type health struct {
	now func() time.Duration

	mu     sync.Mutex
	role   ha.Role
	turned time.Duration
	gone   bool
}

func (h *health) observe(m ha.Machine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.role, h.turned = m.Role(), h.now()
}

func (h *health) exit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
}

func (h *health) exited() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

// alive reports whether the loop turns.
func (h *health) alive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now()-h.turned < stalled
}

// ready reports whether the unit serves or could take over. It does not depend on the peer or on synchronization: a
// standby whose peer is gone is the last unit of its pair.
func (h *health) ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.role == ha.Active || h.role == ha.Standby
}

// serveHealth serves /healthz and /readyz until the context ends.
func (s *Sidecar) serveHealth(ctx context.Context) error {
	listener, err := (&net.ListenConfig{Control: s.config.HealthControl}).Listen(ctx, "tcp", s.config.HealthAddress)
	if err != nil {
		return err
	}
	return s.health.serve(ctx, listener)
}

// serve answers probes until the context ends.
func (h *health) serve(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", answer(h.alive))
	mux.HandleFunc("GET /readyz", answer(h.ready))
	mux.HandleFunc("GET "+contract.RolePath, h.reportRole)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 4 << 10,
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(admission.Bound(listener, maxProbes)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// reportRole answers with the role, for commands that run next to the sidecar.
func (h *health) reportRole(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	role := h.role
	h.mu.Unlock()
	_, _ = w.Write([]byte(role.String() + "\n"))
}

func answer(good func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !good() {
			http.Error(w, "not ok", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok"))
	}
}
