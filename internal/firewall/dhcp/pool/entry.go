package pool

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// Entry is a lease as the other unit receives it.
type Entry struct {
	// Key is lease/<address>.
	Key string
	// Value is JSON, a Lease.
	Value json.RawMessage
	// Life is how long the lease remains.
	Life time.Duration
}

// Lease is the value of an entry.
type Lease struct {
	// Client is the client identifier (option 61) in hexadecimal; left out if the host has none, or if the address was
	// found in use by another station.
	Client string `json:"client,omitempty"`
	// MAC is that of the host; left out if the address was found in use by another station.
	MAC string `json:"mac,omitempty"`
	// Hostname is the name of the host, which it gave or has in a reservation; left out without one, or if it is that of
	// another host.
	Hostname string `json:"hostname,omitempty"`
}

const (
	leasePrefix = "lease/"
	// maxLife is more than any lease.
	maxLife = 31 * 24 * time.Hour
)

func keyOf(a netip.Addr) string { return leasePrefix + a.String() }

func entryOf(now time.Duration, a netip.Addr, l lease) Entry {
	value := Lease{Hostname: l.hostname}
	if l.use != foreign {
		value.MAC = net.HardwareAddr(l.mac[:]).String()
		if id, ok := strings.CutPrefix(l.client, idPrefix); ok {
			value.Client = hex.EncodeToString([]byte(id))
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding a lease: %v", err)) // No field has an encoding that can fail.
	}
	return Entry{Key: keyOf(a), Value: text, Life: l.end - now}
}

// parse returns the lease of an entry.
func (e Entry) parse(now time.Duration) (netip.Addr, lease, error) {
	text, ok := strings.CutPrefix(e.Key, leasePrefix)
	a, err := netip.ParseAddr(text)
	if !ok || err != nil || !a.Is4() {
		return netip.Addr{}, lease{}, fmt.Errorf("%q cannot be a key of class DHCPServer", e.Key)
	}
	if e.Life <= 0 || e.Life > maxLife {
		return netip.Addr{}, lease{}, fmt.Errorf("entry %s: a life of %s is no lease", e.Key, e.Life)
	}
	var value Lease
	if err := json.Unmarshal(e.Value, &value); err != nil {
		return netip.Addr{}, lease{}, fmt.Errorf("entry %s: %w", e.Key, err)
	}
	l := lease{use: foreign, end: now + e.Life}
	if value.MAC == "" {
		return a, l, nil
	}
	mac, err := net.ParseMAC(value.MAC)
	if err != nil || len(mac) != len(l.mac) {
		return netip.Addr{}, lease{}, fmt.Errorf("entry %s: %q cannot be a MAC address", e.Key, value.MAC)
	}
	l.use, l.mac, l.hostname = bound, message.MAC(mac), value.Hostname
	l.client = clientOf(message.Request{MAC: l.mac})
	if value.Client != "" {
		id, err := hex.DecodeString(value.Client)
		if err != nil {
			return netip.Addr{}, lease{}, fmt.Errorf("entry %s: client: %w", e.Key, err)
		}
		l.client = clientOf(message.Request{ID: string(id)})
	}
	return a, l, nil
}

// Entries returns everything that the other unit must have.
func (m *Machine) Entries(now time.Duration) []Entry {
	entries := make([]Entry, 0, len(m.leases))
	for a, l := range m.leases {
		if l.use != offered && l.end > now {
			entries = append(entries, entryOf(now, a, l))
		}
	}
	return entries
}

// Restore takes in an entry of the active unit. An entry that cannot be used is refused with an error.
func (m *Machine) Restore(now time.Duration, e Entry) error {
	if m.isActive {
		return nil
	}
	a, l, err := e.parse(now)
	if err != nil {
		return err
	}
	n := m.subnetOf(a)
	if n == nil {
		return fmt.Errorf("entry %s: no network of this unit's document has the address", e.Key)
	}
	if l.use == bound { // A host has one address. Its entry for another one is deleted, or will be.
		if before, ok := m.addresses[holder{n.index, l.client}]; ok && before != a {
			m.remove(n, before)
		}
	}
	if _, isKnown := m.leases[a]; !isKnown && len(m.leases) >= MaxLeases {
		return errors.New("there are too many leases")
	}
	m.set(n, a, l)
	return nil
}

// Forget takes in that the active unit no longer has an entry.
func (m *Machine) Forget(key string) {
	a, err := netip.ParseAddr(strings.TrimPrefix(key, leasePrefix))
	if err != nil || m.isActive {
		return
	}
	if n := m.subnetOf(a); n != nil {
		m.remove(n, a)
	}
}
