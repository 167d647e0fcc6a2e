package nftables

import (
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Foreign returns the chains with a hook in the tables of other programs. These are all tables but the gate's, that of
// a trial, and the one of the family inet that the caller owns. Each chain is described as in "chain ip filter/FORWARD
// (hook forward, policy drop)". They see the same packets, so each may drop what a policy accepts.
func (k Kernel) Foreign(own string) (found []string, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		found, err = steady(func() ([]string, error) { return listForeign(conn, own) }, slices.Equal)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the chains of other programs: %w", err)
	}
	slices.Sort(found)
	return found, nil
}

// listForeign lists the chains once.
func listForeign(conn *netlink.Conn, own string) (found []string, err error) {
	err = dump(conn, unix.NFT_MSG_GETCHAIN, unix.NFPROTO_UNSPEC, nil, func(m message) error {
		if description := describeForeign(m, own); description != "" {
			found = append(found, description)
		}
		return nil
	})
	return found, err
}

// describeForeign describes a chain with a hook that is one of another program. It returns nothing for other chains.
func describeForeign(m message, own string) string {
	table := m.text(unix.NFTA_CHAIN_TABLE)
	hook := m.get(unix.NFTA_CHAIN_HOOK)
	if hook == nil || table == gateTable || table == FTPTrialTable || m.family == unix.NFPROTO_INET && table == own {
		return ""
	}
	policy := "accept"
	if m.number(unix.NFTA_CHAIN_POLICY) != acceptPolicy {
		policy = "drop"
	}
	point := hookName(m.family, nested(hook).number(unix.NFTA_HOOK_HOOKNUM))
	return fmt.Sprintf("chain %s %s/%s (hook %s, policy %s)",
		familyName(m.family), table, m.text(unix.NFTA_CHAIN_NAME), point, policy)
}

// familyName returns the name of a family in nft.
func familyName(family uint8) string {
	names := map[uint8]string{
		unix.NFPROTO_INET: "inet", unix.NFPROTO_IPV4: "ip", unix.NFPROTO_IPV6: "ip6", unix.NFPROTO_ARP: "arp",
		unix.NFPROTO_BRIDGE: "bridge", unix.NFPROTO_NETDEV: "netdev",
	}
	if name, ok := names[family]; ok {
		return name
	}
	return fmt.Sprintf("family %d", family)
}

// hookName returns the name of a hook in nft.
func hookName(family uint8, number uint32) string {
	names := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	switch family {
	case unix.NFPROTO_NETDEV:
		names = []string{"ingress", "egress"}
	case unix.NFPROTO_ARP:
		names = []string{"input", "output", "forward"}
	}
	if int(number) < len(names) {
		return names[number]
	}
	return fmt.Sprintf("number %d", number)
}
