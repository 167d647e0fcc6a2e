package frr

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hapair-io/hapair/internal/frr/configuration"
	"github.com/hapair-io/hapair/internal/supervisor"
)

// run is the set of daemons with one configuration. One goroutine owns it, and others may ask for its report.
type run struct {
	config     configuration.Config
	names      []string
	supervisor *supervisor.Supervisor
	cancel     context.CancelFunc
	ended      chan struct{}

	mu sync.Mutex
	// mustLoad has the daemons that were started and still lack their configuration.
	mustLoad map[string]bool
}

// start starts the daemons of a configuration.
func start(c configuration.Config, template supervisor.Config) (*run, error) {
	if err := os.WriteFile(acceptedFile, []byte(c.Text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	r := &run{config: c, ended: make(chan struct{}), mustLoad: map[string]bool{}}
	list, err := daemons(c.Protocols, r.started)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		r.names = append(r.names, d.Name)
		r.started(d.Name)
	}
	template.Daemons = list
	r.supervisor = supervisor.New(template)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.ended)
		_ = r.supervisor.Run(ctx) // Only becoming the parent of orphans can fail, which the keeper has done.
	}()
	return r, nil
}

// stop ends the daemons, and waits for that.
func (r *run) stop() {
	r.cancel()
	<-r.ended
}

func (r *run) started(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mustLoad[name] = true
}

// waiting returns the daemons that have no configuration, in the order in which they get it.
func (r *run) waiting() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.names), func(name string) bool { return !r.mustLoad[name] })
}

// load gives the configuration to the daemons that lack it, once all daemons answer. It returns why one refuses it;
// empty if none does. Mgmtd passes its part on to other daemons, so they must be connected to it before.
func (r *run) load(ctx context.Context, v vtysh) (refusal string, err error) {
	waiting := r.waiting()
	if len(waiting) == 0 {
		return "", nil
	}
	for _, name := range r.names {
		if probe(ctx, socketOf(name)) != nil {
			return "", nil // It is asked again at the next look.
		}
	}
	for _, name := range waiting {
		// A daemon that is started from now on lacks it again.
		r.mu.Lock()
		delete(r.mustLoad, name)
		r.mu.Unlock()
		refusal, err = v.load(ctx, name)
		if err != nil {
			r.started(name)
			return "", err
		}
		if refusal != "" {
			return name + ": " + refusal, nil
		}
	}
	return "", nil
}

// String describes the daemons.
func (r *run) String() string { return "active with " + strings.Join(r.config.Protocols, ", ") }
