package neighbours

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
)

// maxFixed bounds the entries of class ARP.
const maxFixed = 4096

// Static returns the factory of class ARP.
func Static() class.Factory {
	return class.Factory{ID: state.ARP, New: func(o class.Options) (class.Class, error) {
		return newClass(state.ARP, o.Interfaces, func(*rtnetlink.Conn) (kind, int, error) { return fixed{}, maxFixed, nil })
	}}
}

// Dynamic returns the factory of class DynamicARP. It replicates at most half of the entries that the kernel can have,
// so that a new active has room for others.
func Dynamic() class.Factory {
	return class.Factory{ID: state.DynamicARP, New: func(o class.Options) (class.Class, error) {
		return newClass(state.DynamicARP, o.Interfaces, func(kernel *rtnetlink.Conn) (kind, int, error) {
			limit, err := kernel.NeighbourLimit()
			return dynamic{own: o.Own}, limit / 2, err
		})
	}}
}

// newClass opens a class. It follows the kernel until Close.
func newClass(
	id state.Class, devices []string, choose func(*rtnetlink.Conn) (kind, int, error),
) (c class.Class, err error) {
	t := &table{id: id, devices: devices, records: map[key]*record{}, watches: map[*watch]struct{}{}}
	if t.kernel, err = rtnetlink.Dial(); err != nil {
		return class.Class{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening neighbours: %w", err), t.kernel.Close())
		}
	}()
	if t.kind, t.limit, err = choose(t.kernel); err != nil {
		return class.Class{}, err
	}
	if t.events, err = rtnetlink.OpenNeighbourEvents(); err != nil {
		return class.Class{}, err
	}
	if err := t.open(); err != nil {
		return class.Class{}, errors.Join(err, t.events.Close())
	}
	var following sync.WaitGroup
	following.Go(t.follow)
	return class.Class{
		ID: id, Source: source{t}, Sink: sink{t}, Codec: codec{},
		Close: func() error {
			err := t.events.Close()
			following.Wait()
			return errors.Join(err, t.kernel.Close())
		},
	}, nil
}
