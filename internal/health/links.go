package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// lookAgain is the pause after looking up the interfaces failed, or following their changes.
const lookAgain = time.Second

// watchLinks updates the board's links. After a change of any interface it looks up all of its own. That is right for
// any change, and for changes that the kernel could not report.
func (m *Monitors) watchLinks(ctx context.Context, b *board) {
	changes := notify.New()
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { m.followLinks(ctx, changes) })
	for {
		links, err := m.look()
		b.setLinks(links)
		var again <-chan time.Time
		if err != nil && ctx.Err() == nil {
			m.log.Error(err, "Looking at the traffic interfaces")
			again = time.After(lookAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-again:
		}
	}
}

// followLinks signals that interfaces have changed.
func (m *Monitors) followLinks(ctx context.Context, changes notify.Signal) {
	changes.Follow(ctx, m.follow, lookAgain, func(err error) {
		m.log.Error(err, "Following changes of interfaces")
	})
}

// look looks up all interfaces. One that cannot be looked up does not count as good.
func (m *Monitors) look() (links []entry, err error) {
	var errs []error
	for _, name := range m.networks {
		link, err := m.kernel.Link(name)
		fault := linkFault(name, link, err)
		if err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, err)
		}
		links = append(links, entry{good: fault == "", fault: fault})
	}
	return links, errors.Join(errs...)
}

// linkFault returns why an interface cannot carry traffic, or an empty string.
func linkFault(name string, link rtnetlink.Link, err error) string {
	switch {
	case errors.Is(err, unix.ENODEV):
		return fmt.Sprintf("interface %s is gone", name)
	case err != nil:
		return fmt.Sprintf("interface %s could not be looked at: %v", name, err)
	case !link.Enabled:
		return fmt.Sprintf("interface %s is switched off", name)
	case !link.Up:
		return fmt.Sprintf("interface %s has no carrier", name)
	case !link.Operational:
		return fmt.Sprintf("interface %s has a carrier, and its port does not let packets pass", name)
	default:
		return ""
	}
}
