package dynamicrouting

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// maxRoutes bounds the routes of the class. Beyond it, the active's others are not replicated.
	maxRoutes = 16384
	// holdTime is how long a route is kept that no routing protocol confirms: on a new active, and on an active that has
	// lost the interface of the route. It is the grace period that RFC 3623 suggests for OSPF.
	holdTime = 120 * time.Second
)

// Factory returns the factory of the class.
func Factory() class.Factory {
	return class.Factory{ID: state.DynamicRouting, New: func(o class.Options) (class.Class, error) {
		return newTable(o.Interfaces, holdTime).start()
	}}
}

func newTable(devices []string, hold time.Duration) *table {
	return &table{
		devices: devices, hold: hold, began: time.Now(), records: map[key]*record{}, watches: map[*watch]struct{}{},
	}
}

// start opens the class in the network namespace of the calling thread. It follows the kernel until Close.
func (t *table) start() (class.Class, error) {
	if err := t.open(); err != nil {
		return class.Class{}, fmt.Errorf("opening learned routes: %w", err)
	}
	var following sync.WaitGroup
	following.Go(t.follow)
	return class.Class{
		ID: state.DynamicRouting, Source: source{t}, Sink: sink{t}, Codec: codec{},
		Close: func() error {
			err := t.events.Close()
			following.Wait()
			t.releaseAll()
			return errors.Join(err, t.kernel.Close())
		},
	}, nil
}

// open reads the routes that the kernel has.
func (t *table) open() (err error) {
	if t.kernel, err = rtnetlink.Dial(); err != nil {
		return err
	}
	if t.events, err = rtnetlink.OpenRouteEvents(); err != nil {
		return errors.Join(err, t.kernel.Close())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err = t.readLinks(); err == nil {
		err = t.reread()
	}
	if err != nil {
		return errors.Join(err, t.events.Close(), t.kernel.Close())
	}
	t.isOpen = true
	return nil
}
