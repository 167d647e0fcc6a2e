package vpncounters

import (
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// pollInterval is the time between two looks at the counters.
	pollInterval = 100 * time.Millisecond
	// repeatInterval is the time after which a record is sent again. It is well below maxSilence.
	repeatInterval = time.Second
)

// Factory returns the factory of the class. A pair that does not replicate tunnels has no counters to replicate.
func Factory() class.Factory {
	return class.Factory{ID: state.VPNCounters, New: func(o class.Options) (class.Class, error) {
		if !o.HasTunnels || !slices.Contains(o.Replicated, state.VPN) {
			return newTable(noKernel{}, sinceNow()).class(nil), nil
		}
		c, err := open(repeatInterval)
		if errors.Is(err, unix.EPROTONOSUPPORT) { // Without IPsec in the kernel, the daemon encrypts packets.
			return newTable(noKernel{}, sinceNow()).class(nil), nil
		}
		return c, err
	}}
}

// open opens the class in the network namespace of the calling thread. It follows the kernel until Close.
func open(repeatAfter time.Duration) (class.Class, error) {
	sas, err := xfrm.OpenTable()
	if err != nil {
		return class.Class{}, err
	}
	events, err := xfrm.OpenEvents()
	if err != nil {
		return class.Class{}, errors.Join(err, sas.Close())
	}
	t := newTable(sas, sinceNow())
	t.repeatAfter = repeatAfter
	if err := t.look(true); err != nil {
		return class.Class{}, errors.Join(err, events.Close(), sas.Close())
	}
	var following sync.WaitGroup
	following.Go(func() { t.run(events) })
	return t.class(func() error {
		err := events.Close()
		following.Wait()
		return errors.Join(err, sas.Close())
	}), nil
}

func (t *table) class(closing func() error) class.Class {
	return class.Class{
		ID: state.VPNCounters, Source: source{t}, Sink: sink{t}, Codec: codec{}, Promote: t.promote, Close: closing,
	}
}

// sinceNow returns a clock that begins now.
func sinceNow() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// run follows the kernel until the events are closed.
func (t *table) run(events *xfrm.Events) {
	for {
		changed, err := events.Wait(time.Now().Add(pollInterval))
		if err != nil {
			return
		}
		if err := t.look(changed); err != nil {
			t.mu.Lock()
			t.failed = err
			t.mu.Unlock()
		}
	}
}

// look brings the records up to date: with all SAs after a change of them or a failed promotion, and otherwise with
// their counters. A refresh that failed is repeated by the next look.
func (t *table) look(changed bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mustRefresh = t.mustRefresh || changed || t.mustAdvance
	if !t.mustRefresh {
		return t.poll()
	}
	err := t.refresh()
	t.mustRefresh = err != nil
	return err
}

// noKernel is a kernel without SAs.
type noKernel struct{}

func (noKernel) List() ([]xfrm.SA, error) { return nil, nil }

func (noKernel) Read(ids []xfrm.ID) ([]xfrm.Result, error) { return gone(len(ids)), nil }

func (noKernel) Write(all []xfrm.SA) ([]xfrm.Result, error) { return gone(len(all)), nil }

func (noKernel) Remove(ids []xfrm.ID) ([]xfrm.Result, error) { return gone(len(ids)), nil }

func gone(n int) []xfrm.Result { return slices.Repeat([]xfrm.Result{{Err: unix.ESRCH}}, n) }
