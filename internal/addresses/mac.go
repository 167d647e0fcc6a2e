package addresses

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// change is a remembered change of an interface's MAC address.
type change struct {
	// Own is the address that the interface had, and gets back.
	Own rtnetlink.MAC `json:"own"`
	// Virtual is the address that it got.
	Virtual rtnetlink.MAC `json:"virtual"`
}

// own returns the MAC address that the interface has without the virtual one.
func (a *Addresses) own(link rtnetlink.Link, n Network) rtnetlink.MAC {
	known, err := a.memory.load(n.Interface)
	if err != nil {
		a.Log.Error(err, "Reading what MAC address an interface had", "interface", n.Interface)
	}
	own, made := ownMAC(link, n.VirtualMAC, known, a.Identity+"/"+n.Interface)
	if made {
		a.Log.Info("Making a MAC address for an interface whose own is known no more", "interface", n.Interface, "mac", own)
	}
	return own
}

// keep remembers an interface's own MAC. This must happen before it gets the virtual one. A failure does not prevent a
// takeover: it only means that a unit that crashes comes back with a derived MAC.
func (a *Addresses) keep(own rtnetlink.MAC, n Network) {
	if none := (rtnetlink.MAC{}); a.Memory == "" || n.VirtualMAC == none || own == none {
		return
	}
	if err := a.memory.save(n.Interface, change{Own: own, Virtual: n.VirtualMAC}); err != nil {
		a.Log.Error(err, "Keeping the MAC address of an interface", "interface", n.Interface, "mac", own)
	}
}

// ownMAC returns the MAC that an interface has without the virtual one. A MAC that was seen on it comes first, since
// its network may not know it by the one of the hardware. A derived MAC is always the same for the same interface of
// the same pod.
func ownMAC(link rtnetlink.Link, virtual rtnetlink.MAC, known change, identity string) (own rtnetlink.MAC, made bool) {
	var none rtnetlink.MAC
	isOwn := func(mac rtnetlink.MAC) bool { return mac != none && mac != virtual }
	switch {
	case link.MAC == known.Virtual && isOwn(known.Own):
		return known.Own, false // The virtual one of now, or of an earlier life.
	case isOwn(link.MAC):
		return link.MAC, false
	case isOwn(link.PermanentMAC):
		return link.PermanentMAC, false
	case link.MAC == none:
		return none, false // It has no MAC address.
	}
	digest := sha256.Sum256([]byte(identity))
	own = rtnetlink.MAC(digest[:])
	own[0] = own[0]&^1 | 2 // Unicast, and locally administered.
	if own == virtual {
		own[5] ^= 1
	}
	return own, true
}

// memory is a directory with a file for each interface that had a virtual MAC. The files are read once, since nobody
// else writes them.
type memory struct {
	directory string
	known     map[string]change
}

// load returns what is known of an interface, or the zero change.
func (m *memory) load(name string) (change, error) {
	if c, ok := m.known[name]; ok || m.directory == "" {
		return c, nil
	}
	var c change
	text, err := os.ReadFile(m.file(name))
	if errors.Is(err, os.ErrNotExist) {
		m.note(name, c)
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return change{}, fmt.Errorf("decoding %s: %w", m.file(name), err)
	}
	m.note(name, c)
	return c, nil
}

// save writes a change that is not stored yet. It replaces the file in one step, so a crash leaves the old one or the
// new one. It is not synced to the disk: a node that loses its power loses the interface too.
func (m *memory) save(name string, c change) error {
	if m.known[name] == c {
		return nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	next := m.file(name) + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Rename(next, m.file(name)); err != nil {
		return err
	}
	m.note(name, c)
	return nil
}

func (m *memory) note(name string, c change) {
	if m.known == nil {
		m.known = map[string]change{}
	}
	m.known[name] = c
}

func (m *memory) file(name string) string { return filepath.Join(m.directory, "mac-"+name+".json") }
