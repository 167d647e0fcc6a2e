package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Shortcut is a second copy of the program on an interface, which the kernel runs faster than a filter (tcx, since
// Linux 6.6). Packets that it passes skip all filters, including those of the gate. The kernel removes it when the
// process ends, while the filter, which has the same deadline, stays.
type Shortcut struct {
	index int
	links []link.Link
}

// ErrOthers reports that an interface has programs of others. A shortcut would skip them.
var ErrOthers = errors.New("somebody else has programs on the interface")

// ways are the directions of a shortcut.
var ways = []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress}

// Shorten adds a shortcut to an interface of the calling thread's network namespace. It fails if the kernel does not
// support it, or if others have programs on the interface.
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
	return s, s.CheckAlone()
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

// CheckAlone returns an error if others have programs on the interface of the shortcut, or if the shortcut is gone.
func (s *Shortcut) CheckAlone() error {
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

// Close removes the shortcut. The filters then decide alone again.
func (s *Shortcut) Close() error {
	var errs []error
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	s.links = nil
	return errors.Join(errs...)
}
