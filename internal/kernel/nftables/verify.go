package nftables

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// ErrAltered reports that the kernel enforces something other than the applied ruleset.
var ErrAltered = errors.New("the table is not as it was applied")

// errInterrupted reports that the rules changed during a listing, so that the listing is inconsistent.
var errInterrupted = errors.New("the listing was interrupted by a change")

// Generation returns a number that changes with every change of any table in the network namespace. While it stays the
// same, nothing was altered.
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

// Verify compares the document hash and the number of rules in each chain with the ruleset. It detects tables, chains
// and rules that were removed or added, but not a rule that was replaced by another. It guards against accidents, not
// against an attacker with the same rights.
func (k Kernel) Verify(r ruleset.Ruleset) error {
	document, err := k.Document(r.Table)
	if err != nil {
		return err
	}
	if document != r.Document {
		return fmt.Errorf("%w: table inet %s is of document %q, but document %q was applied",
			ErrAltered, r.Table, document, r.Document)
	}
	got, err := k.countRules(r.Table)
	if err != nil {
		return err
	}
	for _, c := range r.Chains {
		if got[c.Name] != len(c.Rules) {
			return fmt.Errorf("%w: chain %s of table inet %s has %d rules, but %d were applied",
				ErrAltered, c.Name, r.Table, got[c.Name], len(c.Rules))
		}
		delete(got, c.Name)
	}
	for name, rules := range got {
		return fmt.Errorf("%w: chain %s of table inet %s has %d rules, but was not applied",
			ErrAltered, name, r.Table, rules)
	}
	return nil
}

// Document returns the hash of the document that the table was compiled from. It is empty if the table does not exist
// or has no hash.
func (k Kernel) Document(table string) (string, error) {
	chains, err := k.list(unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME, table)
	if err != nil {
		return "", fmt.Errorf("listing the chains of table inet %s: %w", table, err)
	}
	for _, chain := range chains {
		if hash, ok := strings.CutPrefix(chain, ruleset.DocumentChain); ok {
			return hash, nil
		}
	}
	return "", nil
}

// countRules returns the number of rules in each chain. It only decodes the chain's name of each rule, so that large
// rulesets stay cheap.
func (k Kernel) countRules(table string) (map[string]int, error) {
	chains, err := k.list(unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN, table)
	if err != nil {
		return nil, fmt.Errorf("listing the rules of table inet %s: %w", table, err)
	}
	counts := map[string]int{}
	for _, chain := range chains {
		counts[chain]++
	}
	return counts, nil
}

// list returns the chain of each object in the table. It starts again if another process changes any rule during the
// listing.
func (k Kernel) list(kind, tableAttribute, chainAttribute uint16, table string) ([]string, error) {
	for attempt := 1; ; attempt++ {
		chains, err := k.tryList(kind, tableAttribute, chainAttribute, table)
		if !errors.Is(err, errInterrupted) || attempt == dumpAttempts {
			return chains, err
		}
	}
}

func (k Kernel) tryList(kind, tableAttribute, chainAttribute uint16, table string) ([]string, error) {
	conn, err := k.dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	filter, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: tableAttribute, Data: append([]byte(table), 0)},
	})
	if err != nil {
		return nil, err
	}
	messages, err := conn.Execute(request(kind, netlink.Request|netlink.Dump, unix.NFPROTO_INET, filter))
	if err != nil {
		return nil, err
	}
	var chains []string
	for _, m := range messages {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return nil, errInterrupted
		}
		ad, err := attributes(m)
		if err != nil {
			return nil, err
		}
		var owner, chain string
		for ad.Next() {
			switch ad.Type() {
			case tableAttribute:
				owner = ad.String()
			case chainAttribute:
				chain = ad.String()
			}
		}
		if err := ad.Err(); err != nil {
			return nil, err
		}
		// Some kernels do not filter listings of chains.
		if owner == table {
			chains = append(chains, chain)
		}
	}
	return chains, nil
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
