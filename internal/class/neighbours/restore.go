package neighbours

import "fmt"

// restore writes missing entries. The kernel flushes an interface that gets its virtual MAC in a promotion, and the
// class restores it as after any other change. What the kernel refuses stays missing until the next change of an
// interface.
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
