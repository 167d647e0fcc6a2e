package neighbours

import (
	"context"
	"fmt"
)

// Attached writes the entries again that the kernel flushed when it set the virtual MAC of an interface.
func (t *table) Attached(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.update(); err != nil {
		return err
	}
	t.mustRestore = true
	t.restore()
	missing := 0
	for _, r := range t.records {
		if r.missing {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d neighbours of class %s could not be written", missing, len(t.records), t.id)
	}
	return nil
}

// restore writes missing entries. What the kernel refuses stays missing until the next change of an interface.
func (t *table) restore() {
	if !t.mustRestore {
		return
	}
	t.mustRestore = false
	for k, r := range t.records {
		if r.missing && t.rewrite(k, r.value) == nil {
			r.missing = false
		}
	}
}

// rewrite writes a missing entry. A learned one does not replace what the kernel has learned since.
func (t *table) rewrite(k key, v value) error {
	link, ok := t.links[k.device]
	switch {
	case !ok:
		return fmt.Errorf("interface %q does not exist", k.device)
	case v.state == learned:
		return t.kernel.AddNeighbour(v.neighbour(k, link.Index))
	default:
		return t.kernel.SetNeighbour(v.neighbour(k, link.Index))
	}
}
