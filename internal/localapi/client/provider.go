package client

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

// ProviderConfig is what a process does with the class that it owns. All functions are called one after the other, by
// Run, and may call Put and Delete.
type ProviderConfig struct {
	Class string
	// Durable is how long PutDurable waits until the other unit has an entry.
	Durable time.Duration
	// Take replaces the state of the process by the entries of the class. It is called on a standby, and once on an active
	// after the process has started.
	Take func(entries []Entry)
	// Changed and Removed change the state of the process on a standby: an entry is new or another, or it is gone.
	Changed func(Entry)
	Removed func(key string)
	// Role gets whether the unit is active, after each change. It is not while the connection is lost. The process acts on
	// its state only while the unit is active. It is called after Take.
	Role func(isActive bool)
	// Snapshot returns the whole state of the process. It is called when the unit becomes active, and when the connection
	// was lost while it was active.
	Snapshot func() []Entry
}

// Provider publishes the state of a process while the unit is active, and follows that of the peer otherwise.
type Provider struct {
	client  *Client
	config  ProviderConfig
	pending *pending
	wake    notify.Signal

	mu sync.Mutex
	// isActive and term are those of the last event; isActive is false without a connection.
	isActive bool
	term     uint64
	// isOwner is set once the process has the state of the class.
	isOwner bool
	// held is the revision up to which the process has everything, and reported is what the sidecar knows of it.
	held, reported uint64
	// mustReplace is set while the entries of the class may differ from the state of the process.
	mustReplace bool

	// pauses are those before the next try to publish. They belong to that goroutine. A change of the role ends a pause.
	pauses      backoff.Backoff
	roleChanged notify.Signal
}

// maxPause is the longest time between two tries to publish.
const maxPause = 10 * time.Second

// NewProvider returns a provider. It does nothing until Run.
func NewProvider(c *Client, config ProviderConfig) *Provider {
	return &Provider{
		client: c, config: config, pending: newPending(), wake: notify.New(),
		pauses: backoff.Backoff{Initial: retryPause, Max: maxPause}, roleChanged: notify.New(),
	}
}

// Put publishes an entry. It returns at once. What is put while the unit is not active is dropped.
func (p *Provider) Put(e Entry) { p.change(e.event()) }

// Delete withdraws an entry. It returns at once.
func (p *Provider) Delete(key string) { p.change(localapi.Event{Type: localapi.Delete, Key: key}) }

// PutDurable publishes an entry, and returns at once. It calls done with true when the sidecar has the entry, and the
// other unit has it too or Durable has passed. It calls done with false if the entry was not written: the unit is not
// active, or the sidecar did not answer. Changes that come together are written together, so they wait together.
func (p *Provider) PutDurable(e Entry, done func(isWritten bool)) { p.change(e.event(), done) }

func (p *Provider) change(e localapi.Event, waiting ...func(bool)) {
	p.mu.Lock()
	isWanted := p.isActive
	p.mu.Unlock()
	if !isWanted {
		waiters(waiting).tell(false)
		return
	}
	p.pending.add(e, waiting...)
	p.wake.Notify()
}

// Run publishes and follows until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	var publishing sync.WaitGroup
	defer publishing.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	calls := &sync.Mutex{} // one call of a function at a time
	publishing.Go(func() {
		p.publish(ctx, calls)
		p.pending.clear().tell(false)
	})
	serial := func(do func()) {
		calls.Lock()
		defer calls.Unlock()
		do()
	}
	p.client.Follow(ctx, p.config.Class, Handler{
		Synced: func(role localapi.Role, term uint64, entries []Entry) {
			serial(func() { p.synced(role, term, entries) })
		},
		Changed: func(e localapi.Event) {
			serial(func() { p.changed(e) })
		},
		Handled: p.handled,
		Role:    func(role localapi.Role, term uint64) { serial(func() { p.become(role, term) }) },
		// The unit may have another role by now.
		Lost: func() { serial(func() { p.become(localapi.None, 0) }) },
	})
}

// changed passes a change to the process, unless that publishes itself.
func (p *Provider) changed(e localapi.Event) {
	switch {
	case p.active():
	case e.Type == localapi.Delete:
		p.config.Removed(e.Key)
	default:
		p.config.Changed(entryOf(e))
	}
}

func (p *Provider) active() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isActive
}

// synced begins a connection. An active that has the state publishes it: its sidecar may have lost it.
func (p *Provider) synced(role localapi.Role, term uint64, entries []Entry) {
	if role != localapi.Active || !p.owns() {
		p.config.Take(entries)
	}
	p.mu.Lock()
	p.isOwner = true
	p.reported = 0 // The sidecar may be another process.
	p.mu.Unlock()
	p.become(role, term)
}

// handled stores that the process has everything up to a revision.
func (p *Provider) handled(revision uint64) {
	p.mu.Lock()
	p.held = revision
	p.mu.Unlock()
	p.wake.Notify()
}

func (p *Provider) owns() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isOwner
}

// become sets the role.
func (p *Provider) become(role localapi.Role, term uint64) {
	p.mu.Lock()
	was := p.isActive
	p.isActive, p.term = role == localapi.Active, term
	is := p.isActive
	p.mustReplace = p.mustReplace || is && !was
	p.mu.Unlock()
	if was != is {
		p.config.Role(is)
	}
	p.roleChanged.Notify()
	p.wake.Notify()
}

// publish sends changes until ctx ends.
func (p *Provider) publish(ctx context.Context, calls *sync.Mutex) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for p.publishOnce(ctx, calls) {
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// publishOnce sends one batch, or everything. It reports whether there may be more to send.
func (p *Provider) publishOnce(ctx context.Context, calls *sync.Mutex) (again bool) {
	p.mu.Lock()
	isActive, term, mustReplace := p.isActive, p.term, p.mustReplace
	held, isReported := p.held, p.held == p.reported
	p.mustReplace = false
	p.mu.Unlock()
	if !isActive {
		p.pending.clear().tell(false)
		return !isReported && p.report(ctx, held)
	}
	var err error
	if mustReplace {
		p.pending.trim() // the snapshot has it
		calls.Lock()
		entries := p.config.Snapshot()
		calls.Unlock()
		err = p.client.replace(ctx, p.config.Class, entries, func(batch []localapi.Event) error {
			return p.send(ctx, batch, term, 0)
		})
	} else {
		batch, waiting := p.pending.take()
		if len(batch) == 0 {
			return false
		}
		durable := p.config.Durable
		if len(waiting) == 0 {
			durable = 0
		}
		err = p.send(ctx, batch, term, durable)
		waiting.tell(err == nil)
	}
	if err == nil {
		p.pauses.Reset()
		return true
	}
	p.mu.Lock()
	p.mustReplace = true
	p.mu.Unlock()
	if log := p.client.config.Log.WithValues("class", p.config.Class); ctx.Err() == nil {
		if isProblem(err, localapi.NotActive, localapi.StaleTerm) {
			log.V(1).Info("Writing in a term that has ended", "reason", err.Error()) // The follower learns the role soon.
		} else {
			log.Error(err, "Publishing failed, trying again with the whole state")
		}
	}
	return backoff.SleepUntil(ctx, p.pauses.Next(), p.roleChanged)
}

// report reports that the process has everything up to a revision. It reports whether there may be more to send.
func (p *Provider) report(ctx context.Context, held uint64) (again bool) {
	if !p.client.tryHeld(ctx, p.config.Class, held) {
		return backoff.SleepUntil(ctx, p.pauses.Next(), p.roleChanged)
	}
	p.pauses.Reset()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reported = held
	return p.held != held
}

// send writes a batch. If the batch is refused because of an entry, the entries are written one by one, and those that
// are refused are dropped.
func (p *Provider) send(ctx context.Context, batch []localapi.Event, term uint64, durable time.Duration) error {
	_, err := p.client.WriteBatch(ctx, p.config.Class, batch, term, durable)
	if !isProblem(err, localapi.Invalid, localapi.TooLarge, localapi.Full) {
		return err
	}
	for i := range batch {
		_, err := p.client.WriteBatch(ctx, p.config.Class, batch[i:i+1], term, durable)
		switch {
		case isProblem(err, localapi.Invalid, localapi.TooLarge, localapi.Full):
			p.client.config.Log.Error(err, "Dropping an entry that is refused", "class", p.config.Class, "key", batch[i].Key)
		case err != nil:
			return err
		}
	}
	return nil
}
