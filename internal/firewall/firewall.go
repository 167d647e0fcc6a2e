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

	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// recheckInterval is how often is looked whether file and kernel still agree, should a notice of a change be lost.
	recheckInterval = 10 * time.Second
	// settleInterval is how long the directory must be quiet before the file is read: a mounted ConfigMap changes in
	// several steps.
	settleInterval = 100 * time.Millisecond
)

// Config is what a firewall needs.
type Config struct {
	// ConfigFile is the document's path, StatusFile that of the report.
	ConfigFile, StatusFile string
	// Kernel enforces rulesets.
	Kernel Kernel
	Log    logr.Logger
}

// Kernel enforces one ruleset at a time; the package nftables has the real one.
type Kernel interface {
	// Replace enforces the ruleset, or changes nothing.
	Replace(ruleset.Ruleset) error
	// Verify returns nftables.ErrAltered if something other than the ruleset is enforced.
	Verify(ruleset.Ruleset) error
	// Generation changes with every change of what is enforced.
	Generation() (uint32, error)
	// Document is the hash of the document whose ruleset is enforced; empty if none is.
	Document(table string) (string, error)
}

// Firewall keeps the kernel enforcing a document.
type Firewall struct {
	config Config
	// inForce is the hash of the document that the kernel enforces, as far as is known; empty when it enforces none.
	inForce string
	// applied is the ruleset of inForce; nil when that was found at the start. The kernel's generation is that at which
	// it was last seen unaltered.
	applied    *ruleset.Ruleset
	generation uint32
	// refused is the document that was refused last, so that the same one is not judged again and again.
	refused refusal
	// reported is what the status file says; nil when it may say anything.
	reported *contract.FirewallStatus
}

// refusal is why a document is not in force.
type refusal struct {
	hash string
	err  error
}

// New makes a firewall that has done nothing yet.
func New(config Config) *Firewall { return &Firewall{config: config} }

// Run keeps the kernel enforcing the document until the context ends. It leaves the ruleset in force.
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

// watch watches the directory and not the file, which in a mounted ConfigMap is a symbolic link that never changes.
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
