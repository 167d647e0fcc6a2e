package enforcement

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// recheckInterval is the time between regular verifications, in case a notification was lost.
	recheckInterval = 10 * time.Second
	// followPause is the time until a failed subscription to notifications is tried again.
	followPause = time.Second
	// attempts is how often the kernel is asked before an error counts as missing rules, attemptPause apart.
	attempts     = 3
	attemptPause = 10 * time.Millisecond
	// maxKnown bounds the documents whose text is kept. The firewall enforces one of the newest.
	maxKnown = 4
)

// Kernel is asked for rules. Package nftables implements it.
type Kernel interface {
	// Document returns the hash that the table claims; empty without one.
	Document(table string) (string, error)
	// Verify returns an error unless exactly the ruleset is enforced.
	Verify(ruleset.Ruleset) error
	// Helpers returns the names of the connection tracking helpers in the table.
	Helpers(table string) ([]string, error)
	// Foreign returns the chains of other programs that see packets.
	Foreign(own string) ([]string, error)
	// FollowTables calls changed once it listens and after each change of a table, until ctx ends or it fails. Changed
	// elements count only in the table that is named.
	FollowTables(ctx context.Context, table string, changed func()) error
}

// Config configures a checker.
type Config struct {
	Kernel Kernel
	// AcceptedFile keeps the text of the last document in force for the next process. It must be in a directory to which
	// only this program writes.
	AcceptedFile string
	Metrics      *Metrics
	Log          logr.Logger
}

// State is what the kernel enforces.
type State struct {
	// Document is the hash of the document in force; empty if none is. Reason is then why.
	Document, Reason string
	// Foreign are the chains of other programs that see packets.
	Foreign []string
}

// Checker compares the kernel with the documents that it knows.
type Checker struct {
	config Config
	wake   notify.Signal

	mu sync.Mutex
	// known are the documents that can be in force, the newest last. inForce is the hash of the one that was last.
	known   []known
	inForce string

	// accepted is the hash of the document in AcceptedFile. It belongs to the goroutine of Run.
	accepted string
}

// known is a document with its ruleset, which is nil until it is needed.
type known struct {
	hash  string
	text  []byte
	rules *ruleset.Ruleset
}

// New returns a checker for Run.
func New(config Config) *Checker { return &Checker{config: config, wake: notify.New()} }

// Expect adds a document to those that can be in force. It must be called before the firewall can read the document.
// The caller must not change the text afterwards.
func (c *Checker) Expect(text []byte) {
	hash := document.Hash(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(known{hash: hash, text: text})
	c.wake.Notify()
}

// add adds a document as the newest. It drops the oldest one that is not in force.
func (c *Checker) add(k known) {
	if slices.ContainsFunc(c.known, func(had known) bool { return had.hash == k.hash }) {
		return
	}
	c.known = append(c.known, k)
	if len(c.known) > maxKnown {
		oldest := slices.IndexFunc(c.known, func(had known) bool { return had.hash != c.inForce })
		c.known = slices.Delete(c.known, oldest, oldest+1)
	}
}

// Recheck verifies the rules again, soon.
func (c *Checker) Recheck() { c.wake.Notify() }

// Run calls report after each verification, until ctx ends. It verifies at once, after each change of the kernel's
// rules, and from time to time.
func (c *Checker) Run(ctx context.Context, report func(State)) {
	c.recall()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { c.follow(ctx) })
	recheck := time.NewTicker(recheckInterval)
	defer recheck.Stop()
	var last State
	for {
		state := c.check(ctx)
		c.log(last, state)
		last = state
		report(state)
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-recheck.C:
		}
	}
}

// follow wakes the checker after each change. If that fails, the regular verifications remain.
func (c *Checker) follow(ctx context.Context) {
	follow := func(ctx context.Context, changed func()) error {
		return c.config.Kernel.FollowTables(ctx, plan.Table, changed)
	}
	c.wake.Follow(ctx, follow, followPause, func(err error) {
		c.config.Log.Error(err, "Following changes of rules, trying again")
	})
}

// check asks the kernel. An error counts as missing rules if it lasts.
func (c *Checker) check(ctx context.Context) State {
	for attempt := 1; ; attempt++ {
		state, err := c.ask()
		if err == nil {
			c.config.Metrics.set(state)
			return state
		}
		if attempt == attempts || !backoff.Sleep(ctx, attemptPause) {
			time.AfterFunc(followPause, c.wake.Notify)
			state = State{Reason: fmt.Sprintf("whether the firewall's rules are in force is unknown: %v", err)}
			c.config.Metrics.set(state)
			return state
		}
	}
}

func (c *Checker) ask() (state State, err error) {
	hash, err := c.config.Kernel.Document(plan.Table)
	if err != nil {
		return State{}, err
	}
	if state.Foreign, err = c.config.Kernel.Foreign(plan.Table); err != nil {
		return State{}, err
	}
	if hash == "" {
		state.Reason = "the kernel has no ruleset of a document"
		return state, nil
	}
	k, ok := c.find(hash)
	if !ok {
		state.Reason = fmt.Sprintf("the kernel has the table of document %s, which was not delivered to this unit", hash)
		return state, nil
	}
	if k.rules == nil {
		parsed, err := document.Parse(k.text)
		if err != nil {
			state.Reason = fmt.Sprintf("the kernel has the table of document %s, which is invalid: %v", hash, err)
			return state, nil
		}
		rules := plan.Compile(parsed)
		rules.Document = hash
		k.rules = &rules
		c.keep(k)
	}
	if err := c.verify(*k.rules); err != nil {
		state.Reason = err.Error()
		return state, nil
	}
	state.Document = hash
	c.remember(k)
	return state, nil
}

// verify returns an error unless the ruleset is enforced, or the ruleset without helpers and queues that the table
// lacks. The firewall leaves those out that the kernel does not have. Without them the rules only let less pass.
func (c *Checker) verify(r ruleset.Ruleset) error {
	err := c.config.Kernel.Verify(r)
	if err != nil && len(r.Helpers) > 0 {
		names, failed := c.config.Kernel.Helpers(plan.Table)
		if reduced := r.WithHelpers(names); failed == nil && len(reduced.Helpers) < len(r.Helpers) {
			r, err = reduced, c.config.Kernel.Verify(reduced)
		}
	}
	if err != nil && r.HasQueue() {
		return c.config.Kernel.Verify(r.WithoutQueues())
	}
	return err
}

func (c *Checker) find(hash string) (known, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.known {
		if k.hash == hash {
			return k, true
		}
	}
	return known{}, false
}

// keep keeps the ruleset of the document in force, and of no other, since it may be large.
func (c *Checker) keep(k known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.known {
		c.known[i].rules = nil
		if c.known[i].hash == k.hash {
			c.known[i].rules = k.rules
		}
	}
}

// recall reads the document that an earlier process found in force.
func (c *Checker) recall() {
	text, err := os.ReadFile(c.config.AcceptedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.config.Log.Error(err, "Reading the document that was in force")
		return
	}
	c.accepted = document.Hash(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inForce = c.accepted
	c.add(known{hash: c.accepted, text: text})
}

// remember keeps the text of the document in force for the next process.
func (c *Checker) remember(k known) {
	c.mu.Lock()
	c.inForce = k.hash
	c.mu.Unlock()
	if c.accepted == k.hash {
		return
	}
	next := c.config.AcceptedFile + ".next"
	err := os.WriteFile(next, k.text, 0o600)
	if err == nil {
		err = os.Rename(next, c.config.AcceptedFile)
	}
	if err != nil {
		c.config.Log.Error(err, "Keeping the document in force for the next process")
		return
	}
	c.accepted = k.hash
}

// log logs changes of what people want to know.
func (c *Checker) log(last, state State) {
	switch {
	case state.Document == last.Document && state.Reason == last.Reason:
	case state.Document == "":
		c.config.Log.Info("Firewall's rules are not in force", "reason", state.Reason)
	default:
		c.config.Log.Info("Firewall's rules are in force", "document", state.Document)
	}
	if fmt.Sprint(state.Foreign) != fmt.Sprint(last.Foreign) {
		c.config.Log.Info("Another program filters packets of the unit", "chains", state.Foreign)
	}
}
