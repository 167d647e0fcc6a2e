package members

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// value is the value of every entry, since an address has none.
const value = "{}"

// member is an address of an object.
type member struct {
	object  string
	address netip.Addr
}

// parseKey returns the member that a key names.
func parseKey(key string) (member, error) {
	object, text, _ := strings.Cut(key, "/")
	if object == "" || text == "" {
		return member{}, fmt.Errorf("%w: the key %q must be an address object, a slash and an address, "+
			"as in blocked/192.0.2.7", table.ErrInvalid, key)
	}
	address, err := netip.ParseAddr(text)
	switch {
	case err != nil || address.Zone() != "" || address.Is4In6():
		return member{}, fmt.Errorf("%w: %q is no IPv4 or IPv6 address that object %s can have; write one as in "+
			"192.0.2.7 or 2001:db8::7", table.ErrInvalid, text, object)
	case address.IsUnspecified() || address.IsMulticast() || address.IsLoopback():
		return member{}, fmt.Errorf("%w: %s is no address of a host, so object %s cannot have it; write one as in "+
			"192.0.2.7 or 2001:db8::7", table.ErrInvalid, text, object)
	}
	return member{object: object, address: address}, nil
}

// key returns the key of an entry.
func (m member) key() string { return m.object + "/" + m.address.String() }

// set returns the name of the kernel's set that has the member.
func (m member) set() string { return plan.DynamicSet(m.object, ruleset.FamilyOf(m.address)) }

// parseChange returns the change of the kernel's set for a change of an entry.
func parseChange(c table.Change) (member, nftables.ElementChange, error) {
	m, err := parseKey(c.Key)
	if err != nil {
		return member{}, nftables.ElementChange{}, err
	}
	if !c.Deleted && string(c.Value) != value {
		return member{}, nftables.ElementChange{}, fmt.Errorf("%w: an address has no value; send %s for %s",
			table.ErrInvalid, value, c.Key)
	}
	return m, nftables.ElementChange{
		Set:        m.set(),
		Element:    nftables.Element{Key: m.address.AsSlice(), Timeout: c.Life, Remaining: c.Life},
		IsDeletion: c.Deleted,
	}, nil
}

// ObjectOf returns the address object that a key names; the whole key if it names none.
func (*Members) ObjectOf(key string) string {
	object, _, _ := strings.Cut(key, "/")
	return object
}

// objectOf returns the object whose addresses of one family a set has.
func objectOf(set string) string {
	name := strings.TrimPrefix(set, ruleset.DynamicAddressPrefix)
	if end := strings.LastIndexByte(name, '.'); end > 0 {
		return name[:end]
	}
	return ""
}
