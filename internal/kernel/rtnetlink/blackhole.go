package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From include/uapi/linux/fib_rules.h. struct fib_rule_hdr is family, lengths of destination and source, type of
// service, table, two reserved bytes, action, and flags (4).
const (
	sizeofRule = 12

	fraIifName  = 3
	fraPriority = 6

	actionBlackhole = 6
)

// blackholePriority puts the rules right behind the one for local addresses, which the kernel has at 0: what is
// addressed to the unit itself still reaches it.
const blackholePriority = 10

// SetBlackholes makes the wanted interfaces the only ones, among the managed, from which IPv6 packets are dropped
// instead of routed on. IPv6 has no switch for forwarding on one interface, but a rule on the interface by which a
// packet came in does the same. A kernel without IPv6 has nothing to drop.
func (c *Conn) SetBlackholes(managed, wanted []string) error {
	present, err := c.blackholes()
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range managed {
		has, wants := slices.Contains(present, name), slices.Contains(wanted, name)
		switch {
		case wants && !has:
			errs = append(errs, c.changeBlackhole(unix.RTM_NEWRULE, netlink.Create|netlink.Excl, name))
		case has && !wants:
			errs = append(errs, c.changeBlackhole(unix.RTM_DELRULE, 0, name))
		}
	}
	return errors.Join(errs...)
}

// Blackholes are the interfaces from which IPv6 packets are not routed on.
func (c *Conn) blackholes() ([]string, error) {
	header := make([]byte, sizeofRule)
	header[0] = unix.AF_INET6
	replies, err := c.execute(request{kind: unix.RTM_GETRULE, flags: netlink.Dump, header: header})
	if err != nil {
		return nil, fmt.Errorf("listing IPv6 rules: %w", err)
	}
	var found []string
	for _, m := range replies {
		name, err := decodeBlackhole(m)
		if err != nil {
			return nil, fmt.Errorf("listing IPv6 rules: %w", err)
		}
		if name != "" {
			found = append(found, name)
		}
	}
	return found, nil
}

func (c *Conn) changeBlackhole(kind netlink.HeaderType, flags netlink.HeaderFlags, name string) error {
	header := make([]byte, sizeofRule)
	header[0], header[7] = unix.AF_INET6, actionBlackhole
	_, err := c.execute(request{
		kind:   kind,
		flags:  flags | netlink.Acknowledge,
		header: header,
		encode: func(ae *netlink.AttributeEncoder) {
			ae.Uint32(fraPriority, blackholePriority)
			ae.String(fraIifName, name)
		},
	})
	switch {
	case err == nil:
	case kind == unix.RTM_NEWRULE && errors.Is(err, unix.EEXIST):
	case kind == unix.RTM_DELRULE && errors.Is(err, unix.ENOENT):
	default:
		return fmt.Errorf("changing the IPv6 rule for interface %s: %w", name, err)
	}
	return nil
}

// decodeBlackhole returns the interface of a rule that SetBlackholes made, and nothing for any other rule.
func decodeBlackhole(m netlink.Message) (string, error) {
	ad, err := attributes(m, sizeofRule)
	if err != nil {
		return "", err
	}
	var name string
	var priority uint32
	for ad.Next() {
		switch ad.Type() {
		case fraIifName:
			name = ad.String()
		case fraPriority:
			if b := ad.Bytes(); len(b) == 4 {
				priority = binary.NativeEndian.Uint32(b)
			}
		}
	}
	if m.Data[7] != actionBlackhole || priority != blackholePriority {
		return "", ad.Err()
	}
	return name, ad.Err()
}
