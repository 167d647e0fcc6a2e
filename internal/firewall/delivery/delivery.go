package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// lookInterval is how often is looked whether another document was given. Looking is one call of the kernel, and needs
// no watch that could break unseen.
const lookInterval = 200 * time.Millisecond

// Replica is what goes between the units; the class configuration is one.
type Replica interface {
	// Publish says what the active enforces.
	Publish(text []byte)
	// Received has an item when what Document returns may have changed.
	Received() <-chan struct{}
	// Document is what was received or published last.
	Document() (text []byte, whole bool)
}

// Config is what a handover needs.
type Config struct {
	// GivenFile is where the operator's document is mounted, FirewallFile where the firewall looks for its own.
	GivenFile, FirewallFile string
	Replica                 Replica
	Log                     logr.Logger
}

// Handover hands one firewall its documents.
type Handover struct {
	config Config
	wake   chan struct{}

	mu sync.Mutex
	// active is whether the unit is, and inForce the hash of what its firewall enforces; empty when it enforces nothing.
	active  bool
	inForce string

	// The rest belongs to the goroutine of Run.

	// given is the operator's document, and seen the file that it was read from; received is the replica's. Both are nil
	// while there is none.
	given, received []byte
	seen            os.FileInfo
	// handed is what the firewall was handed last, and enforced what it enforces, as far as that was ever handed over.
	handed, enforced text
	// published is the hash of what was published since the unit became active.
	published string
	// problem is what was told last, so that it is told once.
	problem string
}

// text is a document with its hash, which is empty of none.
type text struct {
	content []byte
	hash    string
}

func hashed(content []byte) text { return text{content, document.Hash(content)} }

// New makes a handover that has handed nothing over yet.
func New(config Config) *Handover {
	return &Handover{config: config, wake: make(chan struct{}, 1)}
}

// Become says whether the unit is active. It returns at once.
func (h *Handover) Become(active bool) {
	h.mu.Lock()
	h.active = active
	h.mu.Unlock()
	h.look()
}

// InForce says which document the firewall enforces, by its hash. It returns at once.
func (h *Handover) InForce(hash string) {
	h.mu.Lock()
	h.inForce = hash
	h.mu.Unlock()
	h.look()
}

func (h *Handover) look() {
	select {
	case h.wake <- struct{}{}:
	default: // It will look.
	}
}

// Run hands over until the context ends. The firewall goes on with what it was handed.
func (h *Handover) Run(ctx context.Context) {
	if handed, err := read(h.config.FirewallFile); err == nil {
		h.handed = hashed(handed) // by an earlier life
	}
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		h.tell(h.step())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-h.wake:
		case <-h.config.Replica.Received():
			h.receive()
		}
	}
}

// step does what there is to do. It is harmless to repeat.
func (h *Handover) step() error {
	h.mu.Lock()
	active, inForce := h.active, h.inForce
	h.mu.Unlock()
	problem := h.readGiven()
	if wanted := choose(active, h.given, h.received); wanted != nil {
		problem = errors.Join(problem, h.hand(hashed(wanted), active))
	}
	if inForce != "" && inForce == h.handed.hash {
		h.enforced = h.handed
	}
	h.publish(active, inForce)
	return problem
}

// receive takes what the replica has now. While that is half of a document, or nothing any more, the last one counts.
func (h *Handover) receive() {
	if document, whole := h.config.Replica.Document(); whole {
		h.received = document
	}
}

// hand writes the document for the firewall, if that has another.
func (h *Handover) hand(wanted text, active bool) error {
	if wanted.hash == h.handed.hash {
		return nil
	}
	if err := write(h.config.FirewallFile, wanted.content); err != nil {
		return err
	}
	h.config.Log.Info("Handing the firewall a document", "document", wanted.hash, "active", active)
	h.handed = wanted
	return nil
}

// publish tells the standby what is in force here. A document that the firewall refuses is never in force, and so never
// goes further.
func (h *Handover) publish(active bool, inForce string) {
	switch {
	case !active:
		h.published = ""
	case inForce != "" && inForce == h.enforced.hash && inForce != h.published:
		h.config.Replica.Publish(h.enforced.content)
		h.published = inForce
		h.receive()
	}
}

// readGiven reads the operator's document if it is another than was read last.
func (h *Handover) readGiven() error {
	found, err := os.Stat(h.config.GivenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The last one counts on: while a mount changes there may be none for a moment.
	}
	if err != nil {
		return fmt.Errorf("looking for the document that the operator gave: %w", err)
	}
	if h.seen != nil && os.SameFile(found, h.seen) && found.ModTime().Equal(h.seen.ModTime()) &&
		found.Size() == h.seen.Size() {
		return nil
	}
	text, err := read(h.config.GivenFile)
	if err != nil {
		return fmt.Errorf("reading the document that the operator gave: %w", err)
	}
	h.given, h.seen = text, found
	return nil
}

// tell logs a problem once.
func (h *Handover) tell(problem error) {
	said := h.problem
	h.problem = ""
	if problem == nil {
		return
	}
	if h.problem = problem.Error(); h.problem != said {
		h.config.Log.Error(problem, "Handing the firewall its document")
	}
}

// read reads a document of a size that one may have.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, document.MaxBytes+1))
	if err == nil && len(text) > document.MaxBytes {
		err = fmt.Errorf("%s is longer than the %d bytes that a document may have", path, document.MaxBytes)
	}
	return text, err
}

// write replaces the file by rename, so that it is never read half.
func write(path string, text []byte) error {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".next")
	// Readable to all: the firewall beside may run as another user.
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("writing the firewall's document: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(fmt.Errorf("writing the firewall's document: %w", err), os.Remove(next))
	}
	return nil
}
