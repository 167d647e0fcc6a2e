package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

// Errors of a mirror.
var (
	// ErrNotActive: another unit decides, or this one is not known to.
	ErrNotActive = errors.New("this unit is not active")
	// ErrAbsent: there is no such entry.
	ErrAbsent = errors.New("there is no such entry")
)

// MirrorConfig configures a mirror.
type MirrorConfig struct {
	Class string
	// Durable is how long a write waits until the other unit has it. A pair without a standby does not wait.
	Durable time.Duration
}

// Mirror is the state of a process that promises nothing to its clients before the other unit has it. It has the
// entries of one class, which have no end. Its methods are safe for concurrent use, and fail while the unit is not
// active.
type Mirror struct {
	client *Client
	config MirrorConfig
	wake   notify.Signal // wakes the goroutine that reports

	mu      sync.Mutex
	entries map[string]json.RawMessage // kept as they are, so that unknown fields survive
	role    localapi.Role
	term    uint64
	// isOwner is set while this process decides, and unset while it follows the sidecar.
	isOwner bool
	held    uint64
}

// NewMirror returns an empty mirror. It does nothing until Run.
func NewMirror(c *Client, config MirrorConfig) *Mirror {
	return &Mirror{client: c, config: config, wake: notify.New(), entries: map[string]json.RawMessage{}}
}

// Get returns the value of an entry.
func (m *Mirror) Get(key string) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.entries[key]
	switch {
	case !m.isOwner:
		return nil, ErrNotActive
	case !ok:
		return nil, fmt.Errorf("%w: %s", ErrAbsent, key)
	}
	return value, nil
}

// Put writes an entry. The process may promise it to a client when Put has returned nil.
func (m *Mirror) Put(ctx context.Context, key string, value json.RawMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isOwner {
		return ErrNotActive
	}
	// A client that leaves does not undo what the sidecar has.
	ctx = context.WithoutCancel(ctx)
	e := Entry{Key: key, Value: value}
	if _, err := m.client.Put(ctx, m.config.Class, e, m.term, m.config.Durable); err != nil {
		return err
	}
	m.entries[key] = value
	return nil
}

// Delete deletes an entry. The process may confirm that to a client when Delete has returned nil.
func (m *Mirror) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isOwner {
		return ErrNotActive
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := m.client.Delete(ctx, m.config.Class, key, m.term, m.config.Durable); err != nil {
		return err
	}
	delete(m.entries, key)
	return nil
}

// Run follows the class and the role of the unit until ctx ends. An announced handover needs no act: every answer waits
// for its write, and the unit may also remain active.
func (m *Mirror) Run(ctx context.Context) {
	var reporting sync.WaitGroup
	defer reporting.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reporting.Go(func() { m.report(ctx) })
	m.client.Follow(ctx, m.config.Class, Handler{
		Synced:  func(role localapi.Role, term uint64, entries []Entry) { m.synced(ctx, role, term, entries) },
		Changed: m.changed,
		Role:    m.become,
		Handled: m.handled,
	})
}

// synced begins a connection. In the same term, nobody else can have changed an entry. So an owner knows more than a
// sidecar that is back, and publishes everything again.
func (m *Mirror) synced(ctx context.Context, role localapi.Role, term uint64, entries []Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isOwner && role == m.role && term == m.term {
		if err := m.client.Replace(ctx, m.config.Class, m.all(), m.term); err != nil {
			m.client.config.Log.Error(err, "Publishing everything again failed", "class", m.config.Class)
		}
		return
	}
	clear(m.entries)
	for _, e := range entries {
		m.entries[e.Key] = e.Value
	}
	m.role, m.term, m.isOwner = role, term, role == localapi.Active
}

func (m *Mirror) all() []Entry {
	var all []Entry
	for key, value := range m.entries {
		all = append(all, Entry{Key: key, Value: value})
	}
	return all
}

// changed takes over a change of the peer.
func (m *Mirror) changed(e localapi.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.isOwner: // It is its own.
	case e.Type == localapi.Delete:
		delete(m.entries, e.Key)
	default:
		m.entries[e.Key] = e.Value
	}
}

func (m *Mirror) become(role localapi.Role, term uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.role, m.term, m.isOwner = role, term, role == localapi.Active
}

func (m *Mirror) handled(revision uint64) {
	m.mu.Lock()
	m.held = revision
	m.mu.Unlock()
	m.wake.Notify()
}

// report reports what the process has, until ctx ends. Several changes need one report.
func (m *Mirror) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
		m.mu.Lock()
		held := m.held
		m.mu.Unlock()
		if !m.client.tryHeld(ctx, m.config.Class, held) && backoff.Sleep(ctx, retryPause) {
			m.wake.Notify()
		}
	}
}
