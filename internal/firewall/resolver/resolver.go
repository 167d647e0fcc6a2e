package resolver

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// interval is the time between two looks at the schedule and the role.
	interval = time.Second
	// namesAtOnce bounds the names between two looks, and questionsAtOnce those that are asked for at the same time.
	namesAtOnce     = 64
	questionsAtOnce = 16
	// dnsPort is the port of DNS servers.
	dnsPort = 53
)

// Config configures a resolver.
type Config struct {
	// Kernel writes elements. Package nftables implements it.
	Kernel Kernel
	// IsActive reports whether the unit is active. A standby asks nobody.
	IsActive func(context.Context) bool
	// ResolvConf is the file with the servers of documents without any: /etc/resolv.conf.
	ResolvConf string
	Log        logr.Logger
}

// Kernel writes elements of sets.
type Kernel interface {
	// WriteElements makes changes, and returns an error for each that the kernel refused.
	WriteElements(table string, changes []nftables.ElementChange) ([]error, error)
}

// Resolver keeps the addresses of DNS names in sets.
type Resolver struct {
	config Config

	mu sync.Mutex
	// objects has the address objects of each name.
	objects  map[string][]string
	client   client
	schedule schedule

	// ends is when each element ends.
	ends     map[element]time.Time
	restored notify.Signal
}

// element is an address in an object.
type element struct {
	object  string
	address netip.Addr
}

// New returns a resolver for Run.
func New(config Config) *Resolver {
	return &Resolver{config: config, schedule: schedule{}, ends: map[element]time.Time{}, restored: notify.New()}
}

// Set makes the names those of a document, whose sets must exist. Names that it had before are not asked for earlier.
func (r *Resolver) Set(d document.Document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects = map[string][]string{}
	for _, a := range d.Addresses {
		for _, name := range a.FQDN {
			r.objects[name] = append(r.objects[name], a.Name)
		}
	}
	r.client = client{isDataPlane: len(d.Resolvers) > 0}
	for _, a := range d.Resolvers {
		r.client.servers = append(r.client.servers, netip.AddrPortFrom(a, dnsPort).String())
	}
	r.schedule.set(r.objects)
}

// Run asks for names that are due until ctx ends, while the unit is active.
func (r *Resolver) Run(ctx context.Context) {
	look := time.NewTicker(interval)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.restored:
			r.restore(time.Now())
		case <-look.C:
			r.look(ctx)
		}
	}
}

// Restored puts the addresses back that went with a table that another program removed. It returns at once.
func (r *Resolver) Restored() { r.restored.Notify() }

// restore writes all addresses, each until its end. A standby has none of its own.
func (r *Resolver) restore(now time.Time) {
	var changes []nftables.ElementChange
	r.mu.Lock()
	for e, end := range r.ends {
		if now.Before(end) {
			changes = append(changes, e.until(end, now))
		}
	}
	r.mu.Unlock()
	if len(changes) > 0 {
		r.write(changes)
	}
}

// look asks for names that are due, if the unit is active.
func (r *Resolver) look(ctx context.Context) {
	switch {
	case !r.hasNames():
	case !r.config.IsActive(ctx):
		r.restart()
	default:
		r.round(ctx)
	}
}

func (r *Resolver) hasNames() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.objects) > 0
}

// restart makes all names due at once, for the time when the unit is active again.
func (r *Resolver) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schedule.restart()
	clear(r.ends)
}

// result is the answer for a name.
type result struct {
	name   string
	answer answer
	err    error
}

// round asks for the names that are due, and writes their addresses.
func (r *Resolver) round(ctx context.Context) {
	r.mu.Lock()
	names, client := r.schedule.due(time.Now(), namesAtOnce), r.client
	r.mu.Unlock()
	if len(names) == 0 {
		return
	}
	if len(client.servers) == 0 {
		client.servers = r.podServers()
	}
	results := make([]result, len(names))
	slots := make(chan struct{}, questionsAtOnce)
	var questions sync.WaitGroup
	for i, name := range names {
		slots <- struct{}{}
		questions.Go(func() {
			defer func() { <-slots }()
			found, err := client.lookUp(ctx, name)
			results[i] = result{name, found, err}
		})
	}
	questions.Wait()
	if ctx.Err() == nil {
		r.write(r.record(results, time.Now()))
	}
}

// podServers returns the servers of the pod.
func (r *Resolver) podServers() (servers []string) {
	config, err := dns.ClientConfigFromFile(r.config.ResolvConf)
	if err != nil {
		r.config.Log.Error(err, "Reading the resolvers of the pod", "file", r.config.ResolvConf)
		return nil
	}
	for _, server := range config.Servers {
		if a, err := netip.ParseAddr(server); err == nil {
			servers = append(servers, netip.AddrPortFrom(a, dnsPort).String())
		}
	}
	return servers
}

// record plans the next questions, and returns the changes that the answers come to.
func (r *Resolver) record(results []result, now time.Time) (changes []nftables.ElementChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e, end := range r.ends {
		if !now.Before(end) {
			delete(r.ends, e)
		}
	}
	for _, result := range results {
		if result.err == nil {
			r.schedule.answered(result.name, result.answer.ttl, now)
		} else if r.schedule.failed(result.name, now) {
			r.config.Log.Error(result.err, "Looking up a DNS name, its known addresses stay for a while", "name", result.name)
		}
		if len(result.answer.addresses) > 0 {
			r.schedule.has(result.name, now.Add(result.answer.ttl+grace)) // One family may have been answered.
		}
		for _, object := range r.objects[result.name] {
			for _, address := range result.answer.addresses {
				changes = append(changes, r.keep(element{object, address}, now.Add(result.answer.ttl+grace), now))
			}
		}
	}
	return changes
}

// keep returns the change that makes an element end at an instant, or later if another name needs it longer.
func (r *Resolver) keep(e element, end, now time.Time) nftables.ElementChange {
	if had := r.ends[e]; had.After(end) {
		end = had
	}
	r.ends[e] = end
	return e.until(end, now)
}

// until returns the change that makes an element end at an instant.
func (e element) until(end, now time.Time) nftables.ElementChange {
	life := end.Sub(now)
	return nftables.ElementChange{
		Set:     plan.DynamicSet(e.object, ruleset.FamilyOf(e.address)),
		Element: nftables.Element{Key: e.address.AsSlice(), Timeout: life, Remaining: life},
	}
}

// write writes elements. A set that is gone belongs to an earlier document.
func (r *Resolver) write(changes []nftables.ElementChange) {
	refused, err := r.config.Kernel.WriteElements(plan.Table, changes)
	if err != nil {
		r.config.Log.Error(err, "Writing the addresses of DNS names")
		return
	}
	for i, why := range refused {
		if why != nil && !errors.Is(why, unix.ENOENT) {
			r.config.Log.Error(why, "Writing an address of a DNS name", "set", changes[i].Set)
			return // The others have the same reason: the set is full.
		}
	}
}
