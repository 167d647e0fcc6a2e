package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/notify"
)

// pollInterval is the interval at which the operator's document is checked for a change. A check is one system call,
// and unlike a watch it cannot break unnoticed.
const pollInterval = 200 * time.Millisecond

// Replica replicates a document between the units. The class configuration implements it.
type Replica interface {
	// Publish sends the document that the active enforces. It fails if the document is too large.
	Publish(text []byte) error
	// Received returns a channel that has an item when the result of Document may have changed.
	Received() <-chan struct{}
	// Document returns what was last received or published, and whether it is complete.
	Document() (text []byte, whole bool)
}

// Config configures a delivery.
type Config struct {
	// GivenFile is where the operator's document is mounted. FirewallFile is where the firewall reads its document.
	GivenFile, FirewallFile string
	Replica                 Replica
	// Expect is called with each document before the firewall can read it, and with the one that it may have read already.
	// It may be nil.
	Expect func(text []byte)
	Log    logr.Logger
}

// Delivery delivers documents to one firewall.
type Delivery struct {
	config Config
	wake   notify.Signal

	mu sync.Mutex
	// active is set while the unit is active. inForce is the hash of what its firewall enforces; empty for nothing.
	active  bool
	inForce string

	// The other fields belong to the goroutine of Run.

	// given is the operator's document, and seen the file that it was read from. received is the document of the replica.
	// Both documents are nil until they exist.
	given, received []byte
	seen            os.FileInfo
	// delivered is the last document that was delivered, and enforced the last delivered one that the firewall enforced.
	delivered, enforced text
	// published is the hash of the document that was published since the unit became active.
	published string
	// problem is the last problem that was logged, so that it is logged once.
	problem string
}

// text is a document with its hash. The hash of the zero text is empty.
type text struct {
	content []byte
	hash    string
}

func hashed(content []byte) text { return text{content, document.Hash(content)} }

// New returns a delivery for Run.
func New(config Config) *Delivery {
	return &Delivery{config: config, wake: notify.New()}
}

// Become records whether the unit is active. It returns at once.
func (d *Delivery) Become(active bool) {
	d.mu.Lock()
	d.active = active
	d.mu.Unlock()
	d.wake.Notify()
}

// InForce records the hash of the document that the firewall enforces. It returns at once.
func (d *Delivery) InForce(hash string) {
	d.mu.Lock()
	d.inForce = hash
	d.mu.Unlock()
	d.wake.Notify()
}

// Run delivers documents until ctx ends. The firewall keeps the last one.
func (d *Delivery) Run(ctx context.Context) {
	if delivered, err := bounded.ReadFile(d.config.FirewallFile, document.MaxBytes); err == nil {
		d.delivered = hashed(delivered) // by an earlier process
		d.expect(delivered)
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		d.log(d.step())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.wake:
		case <-d.config.Replica.Received():
			d.receive()
		}
	}
}

// step reads, delivers and publishes what has changed. Repeating it is harmless.
func (d *Delivery) step() error {
	d.mu.Lock()
	active, inForce := d.active, d.inForce
	d.mu.Unlock()
	problem := d.readGiven()
	if wanted := choose(active, d.given, d.received); wanted != nil {
		problem = errors.Join(problem, d.deliver(hashed(wanted), active))
	}
	if inForce != "" && inForce == d.delivered.hash {
		d.enforced = d.delivered
	}
	return errors.Join(problem, d.publish(active, inForce))
}

// receive reads the document of the replica. An incomplete document does not replace the last one.
func (d *Delivery) receive() {
	if document, whole := d.config.Replica.Document(); whole {
		d.received = document
	}
}

// deliver writes the document for the firewall, unless it was delivered already.
func (d *Delivery) deliver(wanted text, active bool) error {
	if wanted.hash == d.delivered.hash {
		return nil
	}
	d.expect(wanted.content)
	if err := write(d.config.FirewallFile, wanted.content); err != nil {
		return err
	}
	d.config.Log.Info("Delivered document to firewall", "document", wanted.hash, "active", active)
	d.delivered = wanted
	return nil
}

func (d *Delivery) expect(document []byte) {
	if d.config.Expect != nil {
		d.config.Expect(document)
	}
}

// publish sends the standby the document in force. A document that the firewall refuses never comes into force, so it
// is never sent.
func (d *Delivery) publish(active bool, inForce string) error {
	switch {
	case !active:
		d.published = ""
	case inForce != "" && inForce == d.enforced.hash && inForce != d.published:
		if err := d.config.Replica.Publish(d.enforced.content); err != nil {
			return err
		}
		d.published = inForce
		d.receive()
	}
	return nil
}

// readGiven reads the operator's document if the file has changed.
func (d *Delivery) readGiven() error {
	found, err := os.Stat(d.config.GivenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The last document stays valid: the file is missing for a moment while a mount changes.
	}
	if err != nil {
		return fmt.Errorf("checking the document of the operator: %w", err)
	}
	if d.seen != nil && os.SameFile(found, d.seen) && found.ModTime().Equal(d.seen.ModTime()) &&
		found.Size() == d.seen.Size() {
		return nil
	}
	text, err := bounded.ReadFile(d.config.GivenFile, document.MaxBytes)
	if err != nil {
		return fmt.Errorf("reading the document of the operator: %w", err)
	}
	d.given, d.seen = text, found
	return nil
}

// log logs a problem once, until it changes.
func (d *Delivery) log(problem error) {
	logged := d.problem
	d.problem = ""
	if problem == nil {
		return
	}
	if d.problem = problem.Error(); d.problem != logged {
		d.config.Log.Error(problem, "Delivering document to firewall")
	}
}

// write replaces the file by rename, so that nobody reads a part of it.
func write(path string, text []byte) error {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".next")
	// Readable by everyone: the firewall may run as another user.
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("writing the firewall's document: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(fmt.Errorf("writing the firewall's document: %w", err), os.Remove(next))
	}
	return nil
}
