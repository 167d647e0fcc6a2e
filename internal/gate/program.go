package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/bpf"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// program is the barrier that is a program with an absolute deadline.
type program struct {
	bpf    *bpf.Program
	kernel Kernel
	// options have the clocks.
	options Options
	log     logr.Logger

	// deadline is the one to which the program returns after it was suspended.
	deadline suspendable

	mu sync.Mutex
	// shortcuts are on the interfaces that have no other programs, by interface index.
	shortcuts map[int]*bpf.Shortcut
	// unshortened is why an interface has no shortcut. Each reason is logged once.
	unshortened map[int]string
}

// way is a direction and the program for it.
type way struct {
	direction rtnetlink.Direction
	name      string
	program   func() (fd int, id uint32, err error)
}

func newProgram(o Options) (barrier, error) {
	loaded, err := bpf.Load(len(o.Interfaces), contract.DataPlaneMark)
	if err != nil {
		return nil, err
	}
	p := &program{
		bpf: loaded, kernel: o.Kernel, options: o, log: o.Log,
		shortcuts: map[int]*bpf.Shortcut{}, unshortened: map[int]string{},
	}
	macs := make([]bpf.MAC, 0, len(o.VirtualMACs))
	for _, m := range o.VirtualMACs {
		macs = append(macs, bpf.MAC(m))
	}
	bootTime := func() time.Duration { return o.inKernel(o.Now()) }
	if err := errors.Join(loaded.Check(bootTime), loaded.SetVirtualMACs(macs)); err != nil {
		return nil, errors.Join(err, loaded.Close())
	}
	return p, nil
}

func (p *program) fence() contract.Fence { return contract.FenceBPF }

// ways returns both directions.
func (p *program) ways() []way {
	return []way{
		{rtnetlink.Ingress, "hapair_ingress", p.bpf.Ingress},
		{rtnetlink.Egress, "hapair_egress", p.bpf.Egress},
	}
}

// install replaces each filter in one step. Then it removes the ruleset that an earlier life without a program may have
// left.
func (p *program) install(links []rtnetlink.Link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	indices := make([]int, 0, len(links))
	for _, l := range links {
		indices = append(indices, l.Index)
		for _, w := range p.ways() {
			fd, _, err := w.program()
			if err == nil {
				err = p.kernel.SetFilter(l.Index, w.direction, rtnetlink.Filter{Name: w.name, Program: fd})
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("interface %s: %w", l.Name, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p.bpf.SetInterfaces(indices)
	p.shorten(links)
	other := nftables.NewGate()
	return errors.Join(other.Remove(), other.Close())
}

func (p *program) installed(links []rtnetlink.Link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range links {
		for _, w := range p.ways() {
			_, want, err := w.program()
			if err != nil {
				return err
			}
			got, err := p.kernel.Filter(l.Index, w.direction)
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%s of interface %s has program %d instead of the gate's program %d",
					w.direction, l.Name, got, want)
			}
		}
	}
	p.shorten(links)
	return nil
}

// shorten puts the shortcut on the interfaces that can have it, and removes it from those on which somebody else has
// programs by now. Without a shortcut a packet only takes longer.
func (p *program) shorten(links []rtnetlink.Link) {
	for _, l := range links {
		err := p.shortenOne(l)
		switch {
		case err == nil:
			delete(p.unshortened, l.Index)
		case p.unshortened[l.Index] != err.Error():
			p.unshortened[l.Index] = err.Error()
			p.log.Info("Gate works without a shortcut", "interface", l.Name, "reason", err.Error())
		}
	}
}

// shortenOne puts the shortcut on one interface, or removes it.
func (p *program) shortenOne(l rtnetlink.Link) error {
	err := p.othersOn(l)
	s := p.shortcuts[l.Index]
	if err == nil && s == nil {
		if s, err = p.bpf.Shorten(l.Index); err == nil {
			p.shortcuts[l.Index] = s
		}
		return err
	}
	if err == nil {
		err = s.CheckAlone()
	}
	if err != nil && s != nil {
		delete(p.shortcuts, l.Index)
		err = errors.Join(err, s.Close())
	}
	return err
}

// othersOn returns an error when somebody else has filters on the interface.
func (p *program) othersOn(l rtnetlink.Link) error {
	for _, w := range p.ways() {
		others, err := p.kernel.OtherFilters(l.Index, w.direction)
		if err != nil {
			return err
		}
		if others {
			return fmt.Errorf("%w: %s has filters", bpf.ErrOthers, w.direction)
		}
	}
	return nil
}

func (p *program) setAddresses(own, control []netip.Addr) error {
	if without := p.bpf.SetControlAddresses(control); len(without) > 0 {
		p.log.Info("Gate does not protect all addresses of the pod, since it has too many", "unprotected", without)
	}
	return p.bpf.SetOwnAddresses(own)
}

func (p *program) dropped() (map[string]uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kinds := map[string]uint64{}
	for k := range bpf.Kinds {
		if p.shortcuts != nil { // nil after close, when the counters are no longer mapped
			kinds[k.String()] = p.bpf.Dropped(k)
		}
	}
	return kinds, nil
}

func (p *program) setDeadline(until time.Duration) (wrong, err error) {
	p.deadline.do(func(d *deadline) {
		d.until = until
		p.tell(d)
	})
	return nil, nil
}

// tell passes the deadline to the kernel.
func (p *program) tell(d *deadline) {
	until := d.effective()
	if until != 0 {
		until = p.options.inKernel(until)
	}
	p.bpf.SetDeadline(until)
}

func (p *program) suspend() error {
	p.deadline.do(func(d *deadline) {
		d.counts = false
		p.tell(d)
	})
	return nil
}

func (p *program) resume() error {
	p.deadline.do(func(d *deadline) {
		d.counts = true
		p.tell(d)
	})
	return nil
}

func (p *program) isSuspended() (suspended bool) {
	p.deadline.do(func(d *deadline) { suspended = !d.counts })
	return suspended
}

func (p *program) checkOpen() error {
	if until, now := p.bpf.Deadline(), p.options.inKernel(p.options.Now()); now >= until {
		return fmt.Errorf("the kernel has closed the gate at %s, it is %s now", until, now)
	}
	return nil
}

// restore puts nothing back: who removes a program changes an interface, which is inspected then.
func (p *program) restore() (wrong, err error) { return nil, nil }

// follow reports nothing.
func (p *program) follow(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

func (p *program) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.shortcuts {
		errs = append(errs, s.Close())
	}
	p.shortcuts = nil
	return errors.Join(append(errs, p.bpf.Close())...)
}
