package nftables

import (
	"context"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// followBytes is the receive buffer for notifications. The kernel sends one for each rule of a transaction. Those of
// the largest rulesets do not fit, which counts as a change of everything.
const followBytes = 4 << 20

// Notice is the notification of one change in nftables.
type Notice struct {
	// Family and Table name the table that changed.
	Family uint8
	Table  string
	// IsElement is set for elements of sets, which a program may change many times a second.
	IsElement bool
	// Port is the number of the socket that made the change.
	Port uint32
}

// FollowTable follows the changes of one table of the family inet, in the way of Follow.
func (Kernel) FollowTable(ctx context.Context, table string, changed func()) error {
	return Follow(ctx, func(n Notice) bool { return n.Family == unix.NFPROTO_INET && n.Table == table }, changed)
}

// FollowTables follows the changes of all tables, in the way of Follow. Changed elements count only in the table of the
// family inet that is named.
func (Kernel) FollowTables(ctx context.Context, table string, changed func()) error {
	return Follow(ctx, func(n Notice) bool {
		return !n.IsElement || n.Family == unix.NFPROTO_INET && n.Table == table
	}, changed)
}

// Follow follows the changes that others make in the gate's tables, in the way of the function Follow. It leaves out
// the elements of sets.
func (g *Gate) Follow(ctx context.Context, changed func()) error {
	return Follow(ctx, func(n Notice) bool {
		return n.Table == gateTable && !n.IsElement && n.Port != g.socket.port.Load()
	}, changed)
}

// Follow calls changed once it listens, and again after each change of the network namespace's rules that concerns the
// caller. After lost notifications it calls changed as well. It returns when ctx ends or the socket fails.
//
// The kernel notifies after the change is in force, so a caller that reads the rules then sees it.
func Follow(ctx context.Context, concerns func(Notice) bool, changed func()) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("subscribing to changes of nftables: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends Receive
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	if err := errors.Join(conn.SetReadBuffer(followBytes), conn.JoinGroup(unix.NFNLGRP_NFTABLES)); err != nil {
		return fmt.Errorf("subscribing to changes of nftables: %w", err)
	}
	changed()
	for {
		messages, err := conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS): // Notifications were lost.
			changed()
		case err != nil:
			return fmt.Errorf("receiving changes of nftables: %w", err)
		case concernsAny(messages, concerns):
			changed()
		}
	}
}

// concernsAny reports whether one of the messages concerns the caller.
func concernsAny(messages []netlink.Message, concerns func(Notice) bool) bool {
	for _, m := range messages {
		if n, ok := notice(m); ok && concerns(n) {
			return true
		}
	}
	return false
}

// notice decodes a notification. The one that ends a transaction names no table. Those about elements of caches and
// dynamic sets are left out, because they are no changes of the ruleset.
func notice(m netlink.Message) (Notice, bool) {
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES || len(m.Data) < messageHeaderBytes {
		return Notice{}, false
	}
	kind := int(m.Header.Type & 0xff)
	if kind == unix.NFT_MSG_NEWGEN {
		return Notice{}, false
	}
	table := nested(m.Data[messageHeaderBytes:]).text(tableOf)
	isElement := kind == unix.NFT_MSG_NEWSETELEM || kind == unix.NFT_MSG_DELSETELEM
	set := nested(m.Data[messageHeaderBytes:]).text(unix.NFTA_SET_ELEM_LIST_SET)
	if isElement && ruleset.HasFreeElements(set) {
		return Notice{}, false
	}
	return Notice{Family: m.Data[0], Table: table, IsElement: isElement, Port: m.Header.PID}, table != ""
}
