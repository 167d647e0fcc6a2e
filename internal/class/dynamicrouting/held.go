package dynamicrouting

import (
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// install writes the held route of a record. While an interface of it is missing or down, it waits for that.
func (t *table) install(k key, r *record) error {
	r.isHeld, r.isMissing = true, true
	v, err := parseValue(r.data)
	if err != nil {
		return err
	}
	in, isPossible := t.held(k, v)
	if !isPossible {
		return nil
	}
	if err := t.kernel.SetMultipathRoute(in); err != nil {
		return err
	}
	r.isMissing = false
	return nil
}

// release removes the held route of a record. If the kernel refuses, the next comparison with its routes removes it.
func (t *table) release(k key, r *record) {
	if r.isHeld && !r.isMissing {
		_ = t.kernel.RemoveMultipathRoute(heldRoute(k))
	}
	r.isHeld, r.isMissing = false, false
}

// releaseAll removes all held routes, since nobody will follow them any more.
func (t *table) releaseAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, r := range t.records {
		t.release(k, r)
	}
}

// restore writes missing held routes. The kernel removes the routes of an interface that is set down. What it refuses
// stays missing until the next change of an interface.
func (t *table) restore() {
	if !t.mustRestore {
		return
	}
	t.mustRestore = false
	for k, r := range t.records {
		if r.isHeld && r.isMissing {
			_ = t.install(k, r)
		}
	}
}

// adoptHeld records a held route of the kernel. An earlier life of the process has left it, or a removal was refused.
func (t *table) adoptHeld(k key, in rtnetlink.MultipathRoute) {
	r := t.records[k]
	switch v, isReplicated := t.valueOf(in); {
	case r != nil && r.isHeld:
		r.isMissing = false
	case r == nil && isReplicated && len(t.records) < maxRoutes && !t.isOpen:
		t.records[k] = &record{data: v.encode(), isHeld: true}
	default:
		_ = t.kernel.RemoveMultipathRoute(heldRoute(k))
	}
}

// lead makes the records follow the kernel. What the unit holds expires from now on.
func (t *table) lead() error {
	if t.isStandby {
		t.isStandby = false
		if err := t.reread(); err != nil {
			return err
		}
	}
	for _, r := range t.records {
		if (r.isHeld || !r.isLearned) && r.expiry == 0 {
			t.expireLater(r)
		}
	}
	return t.update()
}

// serve makes the records those of the active. Those of the unit's own time as active become held.
func (t *table) serve() error {
	if err := t.update(); err != nil || t.isStandby {
		return err
	}
	t.isStandby, t.nextExpiry = true, 0
	for k, r := range t.records {
		r.isLearned, r.expiry = false, 0
		if !r.isHeld {
			_ = t.install(k, r) // It is missing if the kernel refuses it.
		}
	}
	return nil
}

// expireLater makes a record end after a while.
func (t *table) expireLater(r *record) {
	r.expiry = time.Since(t.began) + t.hold
	if t.nextExpiry == 0 || r.expiry < t.nextExpiry {
		t.nextExpiry = r.expiry
	}
}

// expire ends what no protocol has confirmed in time, and has follow called for the next.
func (t *table) expire() (err error) {
	if now := time.Since(t.began); t.nextExpiry != 0 && now >= t.nextExpiry {
		err = t.expireAt(now)
	}
	if t.nextExpiry == 0 {
		return errors.Join(err, t.events.WakeAt(time.Time{}))
	}
	return errors.Join(err, t.events.WakeAt(t.began.Add(t.nextExpiry)))
}

func (t *table) expireAt(now time.Duration) error {
	t.nextExpiry = 0
	isReplaced := false
	for k, r := range t.records {
		switch {
		case r.expiry == 0:
		case r.expiry > now:
			if t.nextExpiry == 0 || r.expiry < t.nextExpiry {
				t.nextExpiry = r.expiry
			}
		case r.isLearned: // The protocol had it all the time.
			t.release(k, r)
			isReplaced = true
		default:
			t.forget(k)
		}
	}
	if isReplaced {
		return t.reread()
	}
	return nil
}
