package rtnetlink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// FollowLinks calls changed once it listens, and again after any interface of the network namespace has changed, come
// or gone, until the context ends or it fails. It does not say which: a caller that looks at the interfaces then sees
// them as they are, also after changes that the kernel could not tell of because they were too many at once.
func FollowLinks(ctx context.Context, changed func()) error {
	return follow(ctx, changed, followLinks)
}

// FollowHost is FollowLinks for more: interfaces, their addresses, and the filters on them.
func FollowHost(ctx context.Context, changed func()) error {
	return follow(ctx, changed, func(ctx context.Context, conn *netlink.Conn, changed func()) error {
		return followGroups(ctx, conn, changed,
			unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_TC)
	})
}

func follow(ctx context.Context, changed func(), on func(context.Context, *netlink.Conn, func()) error) error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("opening a route netlink socket: %w", err)
	}
	return errors.Join(on(ctx, conn, changed), conn.Close())
}

func followLinks(ctx context.Context, conn *netlink.Conn, changed func()) error {
	return followGroups(ctx, conn, changed, unix.RTNLGRP_LINK)
}

func followGroups(ctx context.Context, conn *netlink.Conn, changed func(), groups ...uint32) error {
	for _, group := range groups {
		if err := conn.JoinGroup(group); err != nil {
			return fmt.Errorf("subscribing to changes of interfaces: %w", err)
		}
	}
	// A deadline in the past ends Receive. It can fail only on a closed socket, on which Receive has ended.
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	for {
		changed()
		_, err := conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS):
			return fmt.Errorf("receiving changes of interfaces: %w", err)
		}
	}
}
