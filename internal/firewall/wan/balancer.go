package wan

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/firewall/wan/balance"
	"github.com/hapair-io/hapair/internal/health/threshold"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// lookInterval is the time between regular looks, in case a notification was lost. After a failure it is
	// retryInterval.
	lookInterval  = 10 * time.Second
	retryInterval = time.Second
	// informedWithin is how long a process that has just begun waits for the verdicts that its unit knows. Until then, it
	// leaves the slots of an earlier process alone. Otherwise it would give a dead link its share for a moment.
	informedWithin = 2 * time.Second
	// faultAfter is how long a failure must last before it is reported.
	faultAfter = 2 * time.Second
	// maxReceived bounds the verdicts of the active unit about links that this unit's document does not have yet.
	maxReceived = 256
	// reasonOfPeer is why a link is down before this unit has probed it.
	reasonOfPeer = "the monitors were not reached by the unit that was active"
)

// Routes prefers the default routes of links that are up. Package routing implements it.
type Routes interface {
	SetUnusable(links map[string]bool)
}

// Config is what a balancer works on.
type Config struct {
	Links    Links
	Elements Elements
	Routes   Routes
	// End ends the connections with the marks of links, and returns how many of each link: EndConnections.
	End func(ctx context.Context, marks map[string]uint32) (map[string]int, error)
	Log logr.Logger
}

// Balancer distributes new connections over the links of the document. Its methods may be called at once.
type Balancer struct {
	config Config
	log    logr.Logger
	// replica connects the balancer to the class on the other unit. It may be nil.
	replica *client.Provider
	begun   time.Time
	changed notify.Signal
	// restart is set when other monitors are to be probed, and settled when a verdict may have changed.
	restart, settled notify.Signal

	// settling is held while the kernel is changed.
	settling sync.Mutex
	// routed are the links that are down, as the routes know them. It belongs to the holder of settling.
	routed map[string]bool

	mu       sync.Mutex
	wan      document.WAN
	sources  []netip.Addr // of translations
	machine  *balance.Machine
	isActive bool
	// isInformed is set once the verdicts are known that the sidecar has.
	isInformed bool
	// received are the verdicts of the active unit, since the document may come after them.
	received map[string]bool
	// reasons are why links are down, by the last probe that failed.
	reasons map[string]string
	// ended are the links whose connections were ended since they are down. counts has how many.
	ended  map[string]bool
	counts map[string]int
	// told are the verdicts that the other unit has, and status is what was reported.
	told   map[string]Verdict
	status []contract.LinkStatus
	fault  lasting.Fault
}

// New returns a balancer. It does nothing before the first Set.
func New(config Config) *Balancer {
	return &Balancer{
		config: config, log: config.Log, begun: time.Now(),
		changed: notify.New(), restart: notify.New(), settled: notify.New(),
		machine: balance.New(nil), received: map[string]bool{}, reasons: map[string]string{}, ended: map[string]bool{},
		counts: map[string]int{}, told: map[string]Verdict{}, fault: lasting.Fault{After: faultAfter},
	}
}

// Set makes the links those of a document, whose rules must be in force. A link that the document had before keeps its
// verdict.
func (b *Balancer) Set(d document.Document) {
	b.change(d)
	b.settle(context.Background())
}

func (b *Balancer) change(d document.Document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sources []netip.Addr
	for _, n := range d.SourceNAT {
		sources = append(sources, n.Address)
	}
	if reflect.DeepEqual(b.wan, d.WAN) && reflect.DeepEqual(b.sources, sources) {
		return
	}
	known := maps.Clone(b.received)
	for _, l := range b.machine.Links() {
		known[l.Name] = b.machine.IsReached(l.Name)
	}
	numbers := plan.LinkNumbers(d.WAN)
	links := make([]balance.Monitored, 0, len(d.WAN.Links))
	for i, l := range d.WAN.Links {
		links = append(links, balance.Monitored{
			Link: balance.Link{
				Name: l.Name, Number: numbers[i], Weight: l.EffectiveWeight(), IsBackup: l.Backup,
			},
			Monitors: len(l.Monitors), Limits: threshold.Limits{Failures: l.Failures(), Successes: l.Successes()},
		})
	}
	b.wan, b.sources, b.machine = d.WAN, sources, balance.New(links)
	for _, l := range links {
		if isReached, ok := known[l.Name]; ok {
			b.machine.Restore(l.Name, isReached)
		}
	}
	b.restart.Notify()
}

// Become starts or ends the unit's time as active. Only an active unit probes.
func (b *Balancer) Become(isActive bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isActive == isActive {
		return
	}
	b.isActive = isActive
	// A unit that becomes active ends the connections of links that are down. Its predecessor may have had no time to.
	clear(b.ended)
	clear(b.told)
	b.restart.Notify()
	b.settled.Notify()
}

// Restored writes the slots again that went with a table that another program removed. It returns at once.
func (b *Balancer) Restored() { b.settled.Notify() }

// Status returns what is known of each link.
func (b *Balancer) Status() []contract.LinkStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Fault returns why connections are not distributed as they should be; empty if they are.
func (b *Balancer) Fault() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fault.Reported()
}

// Changed returns a channel that has an item when the result of Fault or Status may have changed.
func (b *Balancer) Changed() <-chan struct{} { return b.changed }

// Run probes the links and distributes connections until the context ends.
func (b *Balancer) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	if b.replica != nil {
		parts.Go(func() { b.replica.Run(ctx) })
	}
	parts.Go(func() {
		b.settled.Follow(ctx, rtnetlink.FollowLinks, retryInterval, func(err error) {
			b.log.Error(err, "Following changes of interfaces failed, trying again")
		})
	})
	parts.Go(func() { b.settled.Watch(ctx, func() time.Duration { return b.settle(ctx) }) })
	for ctx.Err() == nil {
		b.probe(ctx)
	}
}

// probe probes the monitors of the document until other ones are to be probed.
func (b *Balancer) probe(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range b.probers() {
		parts.Go(func() { p.run(ctx) })
	}
	select {
	case <-ctx.Done():
	case <-b.restart:
	}
}

// probers returns one for each monitor; none on a unit that is not active.
func (b *Balancer) probers() (all []prober) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isActive {
		return nil
	}
	numbers := plan.LinkNumbers(b.wan)
	for i, l := range b.wan.Links {
		for n := range l.Monitors {
			all = append(all, prober{
				link: l, number: numbers[i], index: n, sources: b.sources, links: b.config.Links, probed: b.probed,
			})
		}
	}
	return all
}

// probed takes in the result of a probe.
func (b *Balancer) probed(link string, monitor int, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isActive {
		return
	}
	before := b.machine.IsReached(link)
	b.machine.Probed(link, monitor, reason == "")
	if after := b.machine.IsReached(link); after != before {
		b.reasons[link] = reason
		b.settled.Notify()
	}
}

// settlement is what follows from the verdicts.
type settlement struct {
	slots    map[ruleset.Family]balance.Slots
	unusable map[string]bool
	// ends are the marks of links whose connections are to be ended, by the names of the links.
	ends map[string]uint32
}

// settle makes the kernel and the other unit follow the verdicts. It returns the time until the next look.
//
// The slots come first, so that a connection that is ended begins again by another link.
func (b *Balancer) settle(ctx context.Context) time.Duration {
	b.settling.Lock()
	defer b.settling.Unlock()
	if wait := b.uninformed(); wait > 0 {
		return wait
	}
	s := b.decide()
	var errs []error
	for family, slots := range s.slots {
		errs = append(errs, writeSlots(b.config.Elements, family, slots))
	}
	if !maps.Equal(b.routed, s.unusable) {
		b.config.Routes.SetUnusable(s.unusable)
		b.routed = s.unusable
	}
	ended, err := b.config.End(ctx, s.ends)
	return b.report(s, ended, errors.Join(append(errs, err)...))
}

// uninformed returns how long to wait for the verdicts that the sidecar has.
func (b *Balancer) uninformed() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.replica == nil || b.isInformed {
		return 0
	}
	return max(informedWithin-time.Since(b.begun), 0)
}

// decide returns what follows from the verdicts, with the carriers as they are now.
func (b *Balancer) decide() settlement {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := settlement{slots: map[ruleset.Family]balance.Slots{}, ends: map[string]uint32{}}
	for _, l := range b.wan.Links {
		link, err := b.config.Links.Link(l.Interface)
		b.machine.SetCarrier(l.Name, err == nil && link.Up)
	}
	for family, of := range map[ruleset.Family]document.Families{
		ruleset.IPv4: document.IPv4, ruleset.IPv6: document.IPv6,
	} {
		if links := b.plainOf(of); len(links) > 0 {
			s.slots[family] = balance.Assign(links, b.machine.IsUp)
		}
	}
	s.unusable = b.machine.Unusable()
	for _, l := range b.machine.Links() {
		switch {
		case !s.unusable[l.Name]:
			delete(b.ended, l.Name)
		case b.isActive && !b.ended[l.Name]:
			s.ends[l.Name] = plan.LinkMark(l.Number)
		}
	}
	return s
}

// report stores what was done, tells the other unit, and returns the time until the next look.
func (b *Balancer) report(s settlement, ended map[string]int, err error) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := ""
	if err != nil {
		text = "spec.wan: " + err.Error()
	} else {
		for name := range s.ends {
			b.ended[name] = b.isActive
		}
	}
	for name, n := range ended {
		b.counts[name] += n
	}
	b.publish()
	status := b.describe()
	if b.fault.Observe(text) || !reflect.DeepEqual(status, b.status) {
		b.logChanges(b.status, status)
		b.status = status
		b.changed.Notify()
	}
	if b.fault.IsPresent() {
		return retryInterval
	}
	return lookInterval
}

// publish sends the other unit what it does not know yet. What a unit that is not active publishes is dropped.
func (b *Balancer) publish() {
	if b.replica == nil || !b.isActive {
		return
	}
	now := b.verdicts()
	for name, v := range now {
		if told, known := b.told[name]; !known || told != v {
			b.replica.Put(entryOf(name, v))
		}
	}
	for name := range b.told {
		if _, known := now[name]; !known {
			b.replica.Delete(name)
		}
	}
	b.told = now
}

// describe returns what is known of each link.
func (b *Balancer) describe() (all []contract.LinkStatus) {
	weights := balance.Weights(b.plain(), b.machine.IsUp)
	for _, l := range b.wan.Links {
		s := contract.LinkStatus{
			Name: l.Name, IsUp: b.machine.IsUp(l.Name), Weight: weights[l.Name], Ended: b.counts[l.Name],
		}
		switch {
		case !b.machine.HasCarrier(l.Name):
			s.Reason = "interface " + l.Interface + " has no carrier"
		case !b.machine.IsReached(l.Name):
			s.Reason = b.reasons[l.Name]
		}
		all = append(all, s)
	}
	return all
}

// logChanges logs the links that went up or down.
func (b *Balancer) logChanges(before, now []contract.LinkStatus) {
	wasUp := map[string]bool{}
	for _, s := range before {
		wasUp[s.Name] = s.IsUp
	}
	for _, s := range now {
		switch was, known := wasUp[s.Name]; {
		case s.IsUp && known && !was:
			b.log.Info("Link is up again, and gets new connections", "link", s.Name, "weight", s.Weight)
		case !s.IsUp && (!known || was):
			b.log.Info("Link is down", "link", s.Name, "reason", s.Reason)
		}
	}
}

// plain returns the links without their monitors. The caller holds the lock.
func (b *Balancer) plain() []balance.Link {
	all := make([]balance.Link, 0, len(b.wan.Links))
	for _, l := range b.machine.Links() {
		all = append(all, l.Link)
	}
	return all
}

// plainOf returns the links that have a gateway of a family. The caller holds the lock.
func (b *Balancer) plainOf(family document.Families) (all []balance.Link) {
	for i, l := range b.plain() {
		if b.wan.Links[i].Gateway(family).IsValid() {
			all = append(all, l)
		}
	}
	return all
}
