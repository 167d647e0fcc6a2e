package multicast

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/multicast/membership"
)

// Entry is a membership or a route as the other unit receives it.
type Entry struct {
	// Key is member/<interface>/<group> or route/<group>/<source>.
	Key string
	// Value is JSON: a membership.State, or the interface at which the packets of a route arrive.
	Value json.RawMessage
	// Life is how long the membership lasts without a further report; zero for a route.
	Life time.Duration
}

const (
	memberPrefix = "member/"
	routePrefix  = "route/"
)

// Route is the value of a route.
type Route struct {
	// In is the interface at which the packets of the stream arrive.
	In string `json:"in"`
}

func memberKey(k membership.Key) string { return memberPrefix + k.Interface + "/" + k.Group.String() }

func routeKey(s Stream) string { return routePrefix + s.Group.String() + "/" + s.Source.String() }

func memberEntry(k membership.Key, s membership.State, life time.Duration) Entry {
	return Entry{Key: memberKey(k), Value: encode(s), Life: life}
}

func routeEntry(s Stream, in string) Entry {
	return Entry{Key: routeKey(s), Value: encode(Route{In: in})}
}

func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding an entry of multicast: %v", err)) // No field has an encoding that can fail.
	}
	return text
}

// parseKey splits a key into its kind and the two parts.
func parseKey(key string) (kind, first string, second netip.Addr, err error) {
	for _, kind := range []string{memberPrefix, routePrefix} {
		rest, ok := strings.CutPrefix(key, kind)
		if !ok {
			continue
		}
		first, last, ok := strings.Cut(rest, "/")
		second, err := netip.ParseAddr(last)
		if !ok || err != nil || second.Zone() != "" {
			break
		}
		return kind, first, second, nil
	}
	return "", "", netip.Addr{}, fmt.Errorf("%q is no key of class Multicast", key)
}

// Entries returns everything that the other unit must have.
func (m *Machine) Entries(now time.Duration) []Entry {
	entries := make([]Entry, 0, len(m.routes))
	for _, k := range m.members.Keys() {
		if s, life, ok := m.members.State(now, k); ok {
			entries = append(entries, memberEntry(k, s, life))
		}
	}
	for stream, r := range m.routes {
		entries = append(entries, routeEntry(stream, r.in))
	}
	return entries
}

// Restore takes in an entry of the active unit. An entry that cannot be used is refused with an error.
func (m *Machine) Restore(now time.Duration, e Entry) ([]Effect, error) {
	if m.active {
		return nil, nil
	}
	kind, first, second, err := parseKey(e.Key)
	if err != nil {
		return nil, err
	}
	if kind == memberPrefix {
		return m.restoreMember(now, membership.Key{Interface: first, Group: second}, e)
	}
	group, err := netip.ParseAddr(first)
	stream, value := Stream{Source: second, Group: group}, Route{}
	if err == nil {
		err = json.Unmarshal(e.Value, &value)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("entry %s: %w", e.Key, err)
	case !m.has(value.In) || !m.forwards(group) || second.Is4() != group.Is4() || second.IsMulticast():
		return nil, fmt.Errorf("entry %s: the document of this unit does not forward it", e.Key)
	case m.routes[stream] == nil && len(m.routes) >= MaxRoutes:
		m.refusedRoutes++
		return nil, errors.New("the forwarding cache is full")
	}
	m.setRoute(now, stream, value.In)
	return m.take(), nil
}

func (m *Machine) restoreMember(now time.Duration, k membership.Key, e Entry) ([]Effect, error) {
	var s membership.State
	if err := json.Unmarshal(e.Value, &s); err != nil {
		return nil, fmt.Errorf("entry %s: %w", e.Key, err)
	}
	if !slices.Contains(m.config.Downstream, k.Interface) || !m.forwards(k.Group) {
		return nil, fmt.Errorf("entry %s: the document of this unit does not forward it", e.Key)
	}
	if !m.members.Restore(now, k, s, e.Life) {
		return nil, errors.New("too many memberships")
	}
	m.refreshRoutes(now, k.Group)
	return m.take(), nil
}

// Forget takes in that the active unit no longer has an entry.
func (m *Machine) Forget(now time.Duration, key string) []Effect {
	kind, first, second, err := parseKey(key)
	if err != nil || m.active {
		return nil
	}
	if kind == memberPrefix {
		m.members.Remove(membership.Key{Interface: first, Group: second})
		m.refreshRoutes(now, second)
		return m.take()
	}
	if group, err := netip.ParseAddr(first); err == nil {
		stream := Stream{Source: second, Group: group}
		if m.routes[stream] != nil {
			m.removeRoute(stream)
		}
	}
	return m.take()
}

// has reports whether the proxy has an interface.
func (m *Machine) has(device string) bool {
	return device == m.config.Upstream || slices.Contains(m.config.Downstream, device)
}
