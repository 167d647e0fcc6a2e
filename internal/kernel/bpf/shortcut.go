package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Shortcut is the program once more on an interface, where the kernel runs it with less ado than a filter (tcx, since
// Linux 6.6). What it passes goes past all filters, that of the gate included, which so costs an open gate nothing. It
// ends with the process; the filter behind it, with the same deadline, does not.
type Shortcut struct {
	index int
	links []link.Link
}

// ErrOthers says that somebody else has programs on an interface, which a shortcut would keep from being run.
var ErrOthers = errors.New("somebody else has programs on the interface")

// ways are the directions of a shortcut.
var ways = []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress}

// Shorten puts a shortcut on an interface of the network namespace that the calling thread is in. It fails where the
// kernel has none, and where somebody else has programs on the interface.
func (p *Program) Shorten(index int) (s *Shortcut, err error) {
	s = &Shortcut{index: index}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("putting the gate's shortcut on interface %d: %w", index, err), s.Close())
			s = nil
		}
	}()
	if err := p.loadShortcut(); err != nil {
		return s, err
	}
	for _, way := range ways {
		l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: p.short[way], Attach: way})
		if err != nil {
			return s, err
		}
		s.links = append(s.links, l)
	}
	return s, s.Alone()
}

func (p *Program) loadShortcut() (err error) {
	if p.short == nil {
		p.short = map[ebpf.AttachType]*ebpf.Program{}
	}
	for _, way := range ways {
		if p.short[way] != nil {
			continue
		}
		if way == ebpf.AttachTCXIngress {
			p.short[way], err = load("hapair_in_short", ingress(p.state, accept))
		} else {
			p.short[way], err = load("hapair_out_short", egress(p.state, accept))
		}
		if err != nil {
			delete(p.short, way)
			return err
		}
	}
	return nil
}

// Alone fails when somebody else has programs in the place where the shortcut is, or the shortcut is not there.
func (s *Shortcut) Alone() error {
	for _, way := range ways {
		there, err := link.QueryPrograms(link.QueryOptions{Target: s.index, Attach: way})
		if err != nil {
			return fmt.Errorf("listing the programs on interface %d: %w", s.index, err)
		}
		if len(there.Programs) != 1 {
			return fmt.Errorf("%w: interface %d has %d programs in place of one", ErrOthers, s.index, len(there.Programs))
		}
	}
	return nil
}

// Close takes the shortcut off. The filters behind it have their say again.
func (s *Shortcut) Close() error {
	var errs []error
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	s.links = nil
	return errors.Join(errs...)
}
