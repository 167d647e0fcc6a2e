package firewall

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/gateway"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// recheckInterval is the interval at which file and kernel are compared, in case a notification was lost.
	recheckInterval = 10 * time.Second
	// settleInterval is how long the directory must be unchanged before the file is read. A mounted ConfigMap changes in
	// several steps.
	settleInterval = 100 * time.Millisecond
)

// Config configures a firewall.
type Config struct {
	// ConfigFile is the path of the document, StatusFile that of the report.
	ConfigFile, StatusFile string
	// ControlInterfaces are the interfaces that the rules leave alone while there is no document.
	ControlInterfaces []string
	// Kernel enforces rulesets.
	Kernel Kernel
	// Routes keeps routes.
	Routes Routes
	// Neighbours keeps entries of the neighbour tables.
	Neighbours Neighbours
	// Multicast forwards multicast.
	Multicast Multicast
	// DHCP gives addresses to hosts.
	DHCP DHCP
	// Advertiser sends router advertisements.
	Advertiser Advertiser
	// DNS looks up names for hosts.
	DNS DNS
	// WAN distributes connections over links to the Internet.
	WAN WAN
	// Names keeps the addresses of DNS names.
	Names Names
	// TryFTP reports whether the kernel translates addresses in FTP; nil if that is not to be tried.
	TryFTP func() (bool, error)
	// GatewayCountsFile is where the counts of the application gateways are written; empty for nowhere.
	GatewayCountsFile string
	Log               logr.Logger
}

// Part keeps something of one document at a time.
type Part interface {
	// Fault returns what of the document is missing and why; empty if nothing is.
	Fault() string
	// Changed returns a channel that has an item when the result of Fault may have changed.
	Changed() <-chan struct{}
	// Run keeps what the document wants until ctx ends, and leaves it in the kernel then.
	Run(ctx context.Context)
}

// Routes keeps the routes of one document at a time in the kernel. Package routing implements it.
type Routes interface {
	Part
	// Set makes the routes those of a document. What the kernel refuses is tried again.
	Set(plan.Routing)
}

// Neighbours keeps the neighbours of one document at a time in the kernel. Package neighbours implements it.
type Neighbours interface {
	Part
	// Set makes the neighbours those of a document. What the kernel refuses is tried again.
	Set([]document.Neighbour)
}

// Multicast forwards the multicast of one document at a time. Package multicast implements it.
type Multicast interface {
	Part
	// Set makes it that of a document; nil ends it.
	Set(*multicast.Config)
	// Counts returns what the unit has of it.
	Counts() contract.MulticastCounts
}

// DHCP gives addresses to the hosts of the networks of one document at a time. Package dhcp implements it.
type DHCP interface {
	Part
	// Set makes the networks of DHCP and of DHCPv6 those of a document; none ends the service.
	Set([]document.DHCPNetwork, []document.DHCPv6Network)
	// Counts returns what there is of leases.
	Counts() contract.DHCPCounts
}

// Advertiser sends router advertisements on the networks of one document at a time. Package advertiser implements it.
type Advertiser interface {
	Part
	// Set makes the networks those of a document. Hosts of those that it has no more are told so once.
	Set([]document.AdvertisedNetwork)
}

// DNS looks up names for the hosts of one document at a time. Package nameserver implements it.
type DNS interface {
	Part
	// Set makes it the server of a document; an empty one ends the service.
	Set(document.DNS)
	// Counts returns what it was asked.
	Counts() contract.DNSCounts
}

// WAN distributes new connections over the links of one document at a time. Package wan implements it.
type WAN interface {
	Part
	// Set makes the links those of a document, whose ruleset must be in force; none ends the distribution.
	Set(document.Document)
	// Status returns what is known of each link.
	Status() []contract.LinkStatus
	// Restored puts back what went with a table that another program removed. It returns at once.
	Restored()
}

// Names keeps the addresses of the DNS names of one document at a time in its sets. Package resolver implements it.
type Names interface {
	// Set makes the names those of a document, whose ruleset must be in force.
	Set(document.Document)
	// Fault returns which names were not answered for longer than their addresses stay; empty without such names.
	Fault() string
	// Counts returns what there is of names.
	Counts() contract.NameCounts
	// Restored puts the addresses back that went with a table that another program removed. It returns at once.
	Restored()
	// Run keeps the addresses while the unit is active, until ctx ends, and leaves them then.
	Run(ctx context.Context)
}

// Kernel enforces one ruleset at a time. Package nftables implements it.
type Kernel interface {
	// Replace enforces the ruleset in one transaction. After an error nothing has changed.
	Replace(ruleset.Ruleset) error
	// Verify returns nftables.ErrAltered unless exactly the ruleset is enforced.
	Verify(ruleset.Ruleset) error
	// Generation returns a number that grows by one with every change of the rules in the kernel.
	Generation() (uint32, error)
	// FollowTable calls changed once it listens and after each change of the table, until ctx ends or it fails.
	FollowTable(ctx context.Context, table string, changed func()) error
	// ForgetSources empties caches of sources in one transaction. It returns false if it made no transaction.
	ForgetSources(table string, caches []ruleset.SourceCache) (done bool, err error)
	// MissingHelpers returns those of the helpers that the kernel does not have.
	MissingHelpers([]ruleset.Helper) ([]ruleset.Helper, error)
	// HasQueue reports whether a rule can send packets to a queue.
	HasQueue() (bool, error)
	// Document returns the hash of the document whose ruleset is enforced; empty without one.
	Document(table string) (string, error)
}

// Firewall makes the kernel enforce a document.
type Firewall struct {
	config Config
	// inForce is the hash of the document that the kernel enforces; empty if it enforces no document.
	inForce string
	// applied is the ruleset of inForce, or the base ruleset; nil if an earlier process applied it. The generation is that
	// of the kernel when the ruleset was last known to be in force; zero if that is unknown.
	applied    *ruleset.Ruleset
	generation atomic.Uint32
	missing    missingParts
	// inputs are what applied took from the interfaces.
	inputs map[string]string
	// changing is held while the rules are replaced or sources forgotten. Otherwise each would take the other for an
	// alteration by another program, and verify all rules.
	changing     sync.Mutex
	restorations restorations
	revalidator  *revalidator
	gateways     *gateway.Gateways
	translation  translation
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
func New(config Config) *Firewall {
	return &Firewall{
		config: config, revalidator: newRevalidator(config.Log), gateways: gateway.New(config.Log),
	}
}

// Run makes the kernel enforce the document until ctx ends. It follows changes of the document and of the rules, and
// leaves the ruleset in force.
func (f *Firewall) Run(ctx context.Context) error {
	f.begin() // Nothing may pass before, whatever else fails.
	watcher, err := f.watch()
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close() }()

	altered, changed := notify.New(), notify.New()
	var workers sync.WaitGroup
	workers.Go(func() { logPackets(ctx, f.config.Log) })
	workers.Go(func() { f.followRules(ctx, altered) })
	workers.Go(func() { f.forgetSources(ctx) })
	workers.Go(func() { f.followLinks(ctx, altered) })
	for _, part := range f.parts() {
		workers.Go(func() { part.Run(ctx) })
		workers.Go(func() { changed.Relay(ctx, part.Changed()) })
	}
	workers.Go(func() { f.config.Names.Run(ctx) })
	workers.Go(func() { f.revalidator.run(ctx) })
	workers.Go(func() { f.writeCounts(ctx) })
	defer workers.Wait()

	f.reconcile()
	f.follow(ctx, watcher, altered, changed)
	f.config.Log.Info("Stopping, with the ruleset left in force", "document", f.inForce)
	return nil
}

// parts returns the parts whose faults are reported.
func (f *Firewall) parts() []Part {
	c := f.config
	return []Part{c.Routes, c.Neighbours, c.Multicast, c.DHCP, c.Advertiser, c.DNS, c.WAN, f.gateways}
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

// followRules signals each change of the ruleset in the kernel. If that fails, the regular comparison remains.
func (f *Firewall) followRules(ctx context.Context, altered notify.Signal) {
	follow := func(ctx context.Context, changed func()) error {
		return f.config.Kernel.FollowTable(ctx, plan.Table, changed)
	}
	altered.Follow(ctx, follow, retryPause, func(err error) {
		f.config.Log.Error(err, "Following changes of the ruleset, trying again")
	})
}

func (f *Firewall) follow(ctx context.Context, watcher *fsnotify.Watcher, altered, changed notify.Signal) {
	recheck := time.NewTimer(recheckInterval)
	defer recheck.Stop()
	settled := time.NewTimer(settleInterval)
	defer settled.Stop()
	restore := time.NewTimer(0)
	defer restore.Stop()
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
		case <-altered:
			restore.Reset(f.restorations.wait())
		case <-restore.C:
			begun := time.Now()
			if f.restore() {
				f.restorations.done(begun)
				if f.inForce == "" {
					recheck.Reset(retryPause) // The kernel refused the ruleset, or there is no document.
				}
			}
		case <-settled.C:
			f.reconcile()
		case <-changed:
			f.reconcile()
		case <-recheck.C:
			f.generation.Store(0) // The rules are compared whatever is known of them.
			f.reconcile()
			recheck.Reset(recheckInterval)
		}
	}
}
