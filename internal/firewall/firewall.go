package firewall

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// recheckInterval is the interval at which file and kernel are compared, in case a notice of a change was lost.
	recheckInterval = 10 * time.Second
	// settleInterval is how long the directory must be unchanged before the file is read. A mounted ConfigMap changes in
	// several steps.
	settleInterval = 100 * time.Millisecond
)

// Config configures a firewall.
type Config struct {
	// ConfigFile is the path of the document, StatusFile that of the report.
	ConfigFile, StatusFile string
	// Kernel enforces rulesets.
	Kernel Kernel
	Log    logr.Logger
}

// Kernel enforces one ruleset at a time. Package nftables implements it.
type Kernel interface {
	// Replace enforces the ruleset in one transaction. After an error nothing has changed.
	Replace(ruleset.Ruleset) error
	// Verify returns nftables.ErrAltered unless exactly the ruleset is enforced.
	Verify(ruleset.Ruleset) error
	// Generation returns a number that changes with every change of the rules in the kernel.
	Generation() (uint32, error)
	// Document returns the hash of the document whose ruleset is enforced; empty without one.
	Document(table string) (string, error)
}

// Firewall makes the kernel enforce a document.
type Firewall struct {
	config Config
	// inForce is the hash of the document that the kernel enforces; empty if it enforces no document.
	inForce string
	// applied is the ruleset of inForce; nil if an earlier process applied it. The generation is that of the kernel when
	// the ruleset was last verified.
	applied    *ruleset.Ruleset
	generation uint32
	// refused is the last document that the checks refused. It is not checked again until it changes.
	refused refusal
	// reported is the content of the status file; nil while that is unknown.
	reported *contract.FirewallStatus
}

// refusal is the reason why a document is not in force.
type refusal struct {
	hash string
	err  error
}

// New returns a firewall for Run.
func New(config Config) *Firewall { return &Firewall{config: config} }

// Run makes the kernel enforce the document until ctx ends, and follows its changes. It leaves the ruleset in force.
func (f *Firewall) Run(ctx context.Context) error {
	watcher, err := f.watch()
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close() }()

	var packets sync.WaitGroup
	packets.Go(func() { logPackets(ctx, f.config.Log) })
	defer packets.Wait()

	f.adopt()
	f.reconcile()
	f.follow(ctx, watcher)
	f.config.Log.Info("Stopping, with the ruleset left in force", "document", f.inForce)
	return nil
}

// watch watches the directory. In a mounted ConfigMap the file itself is a symbolic link that never changes.
func (f *Firewall) watch() (*fsnotify.Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching for changes of the document: %w; the node may be out of inotify instances "+
			"(fs.inotify.max_user_instances)", err)
	}
	directory := filepath.Dir(f.config.ConfigFile)
	if err := watcher.Add(directory); err != nil {
		err = fmt.Errorf("watching %s for changes of the document: %w; mount the document's directory there", directory, err)
		return nil, errors.Join(err, watcher.Close())
	}
	return watcher, nil
}

func (f *Firewall) follow(ctx context.Context, watcher *fsnotify.Watcher) {
	recheck := time.NewTicker(recheckInterval)
	defer recheck.Stop()
	settled := time.NewTimer(settleInterval)
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-watcher.Events:
			f.config.Log.V(1).Info("Seeing a change", "path", event.Name, "operation", event.Op.String())
			settled.Reset(settleInterval)
		case err := <-watcher.Errors:
			f.config.Log.Error(err, "Watching for changes of the document")
			settled.Reset(settleInterval)
		case <-settled.C:
			f.reconcile()
		case <-recheck.C:
			f.reconcile()
		}
	}
}
