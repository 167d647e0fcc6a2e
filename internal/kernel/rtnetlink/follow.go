package rtnetlink

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// FollowLinks calls changed once it listens, and again after each change of any interface of the network namespace. It
// returns when ctx ends or the socket fails. It does not report which interface changed. A caller that reads the
// interfaces then sees them as they are, even after the kernel lost notifications.
func FollowLinks(ctx context.Context, changed func()) error {
	return follow(ctx, changed, unix.RTNLGRP_LINK)
}

// FollowHost follows addresses, traffic control filters, and settings such as forwarding in addition to interfaces, in
// the way of FollowLinks.
func FollowHost(ctx context.Context, changed func()) error {
	return follow(ctx, changed,
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_TC,
		unix.RTNLGRP_IPV4_NETCONF)
}

// FollowRoutes follows routes of every table, rules, addresses and interfaces, in the way of FollowLinks. When an
// interface goes down, the kernel removes IPv4 routes without a notification for each. It reports the interface.
func FollowRoutes(ctx context.Context, changed func()) error {
	return follow(ctx, changed, routeGroups...)
}

// routeGroups are the groups that FollowRoutes subscribes to.
var routeGroups = []uint{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

// FollowAddresses follows interfaces and addresses, in the way of FollowLinks. It includes what the kernel reports of
// IPv6 on an interface, such as that somebody has switched it on again.
func FollowAddresses(ctx context.Context, changed func()) error {
	return follow(ctx, changed, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV6_IFINFO)
}

func follow(ctx context.Context, changed func(), groups ...uint) error {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, groups...)
	if err != nil {
		return fmt.Errorf("subscribing to changes of the network: %w", err)
	}
	return receive(ctx, socket, changed)
}

// receive calls changed for each notification, and closes the socket when it returns.
func receive(ctx context.Context, socket *nl.NetlinkSocket, changed func()) error {
	stop := context.AfterFunc(ctx, socket.Close) // ends Receive
	defer func() {
		if stop() {
			socket.Close()
		}
	}()
	for {
		changed()
		_, _, err := socket.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS): // ENOBUFS: notifications were lost, which is a change
			return fmt.Errorf("receiving changes of the network: %w", err)
		}
	}
}
