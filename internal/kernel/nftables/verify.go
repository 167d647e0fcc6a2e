package nftables

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/firewall/ruleset"
)

// ErrAltered says that the kernel enforces something other than the ruleset.
var ErrAltered = errors.New("the table is not as it was applied")

// Generation grows with every change of any table in the network namespace. While it stays, nothing was altered.
func (k Kernel) Generation() (uint32, error) {
	conn, err := k.dial()
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	messages, err := conn.Execute(request(unix.NFT_MSG_GETGEN, netlink.Request, unix.NFPROTO_UNSPEC, nil))
	if err != nil {
		return 0, fmt.Errorf("asking for the generation of nftables: %w", err)
	}
	for _, m := range messages {
		ad, err := attributes(m)
		if err != nil {
			return 0, err
		}
		for ad.Next() {
			if ad.Type() == unix.NFTA_GEN_ID {
				return ad.Uint32(), ad.Err()
			}
		}
	}
	return 0, errors.New("asking for the generation of nftables: the kernel's answer has none")
}

// Verify compares how many rules each chain has. It finds a table, chain or rule that is gone or was added, not a rule
// that was replaced by another: it guards against accidents, not against someone with the same rights.
func (k Kernel) Verify(r ruleset.Ruleset) error {
	got, err := k.countRules(r.Table)
	if err != nil {
		return err
	}
	for _, c := range r.Chains {
		if got[c.Name] != len(c.Rules) {
			return fmt.Errorf("%w: chain %s of table inet %s has %d rules, %d were applied",
				ErrAltered, c.Name, r.Table, got[c.Name], len(c.Rules))
		}
		delete(got, c.Name)
	}
	for name, rules := range got {
		return fmt.Errorf("%w: chain %s of table inet %s has %d rules, none were applied",
			ErrAltered, name, r.Table, rules)
	}
	return nil
}

// countRules counts the rules of each chain. It decodes no more of a rule than the name of its chain, so that it stays
// cheap for large rulesets.
func (k Kernel) countRules(table string) (map[string]int, error) {
	for attempt := 1; ; attempt++ {
		counts, err := k.tryCountRules(table)
		if !errors.Is(err, unix.EINTR) || attempt == dumpAttempts {
			return counts, err
		}
	}
}

func (k Kernel) tryCountRules(table string) (map[string]int, error) {
	conn, err := k.dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	filter, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_RULE_TABLE, Data: append([]byte(table), 0)},
	})
	if err != nil {
		return nil, err
	}
	messages, err := conn.Execute(request(unix.NFT_MSG_GETRULE, netlink.Request|netlink.Dump, unix.NFPROTO_INET, filter))
	if err != nil {
		return nil, fmt.Errorf("listing the rules of table inet %s: %w", table, err)
	}
	counts := map[string]int{}
	for _, m := range messages {
		of, chain, err := ruleOwner(m)
		if err != nil {
			return nil, fmt.Errorf("listing the rules of table inet %s: %w", table, err)
		}
		if of == table {
			counts[chain]++
		}
	}
	return counts, nil
}

func ruleOwner(m netlink.Message) (table, chain string, err error) {
	ad, err := attributes(m)
	if err != nil {
		return "", "", err
	}
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_RULE_TABLE:
			table = ad.String()
		case unix.NFTA_RULE_CHAIN:
			chain = ad.String()
		}
	}
	return table, chain, ad.Err()
}

func (k Kernel) dial() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: k.NetNS})
	if err != nil {
		return nil, fmt.Errorf("opening nftables: %w", err)
	}
	if err := limit(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("opening nftables: %w", err), conn.Close())
	}
	return conn, nil
}

// messageHeaderBytes is the length of struct nfgenmsg: family, version, resource.
const messageHeaderBytes = 4

func request(kind uint16, flags netlink.HeaderFlags, family uint8, attributes []byte) netlink.Message {
	header := []byte{family, unix.NFNETLINK_V0, 0, 0}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: flags},
		Data:   append(header, attributes...),
	}
}

func attributes(m netlink.Message) (*netlink.AttributeDecoder, error) {
	if len(m.Data) < messageHeaderBytes {
		return nil, fmt.Errorf("a message of %d bytes is too short", len(m.Data))
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[messageHeaderBytes:])
	if err != nil {
		return nil, err
	}
	ad.ByteOrder = binary.BigEndian
	return ad, nil
}
