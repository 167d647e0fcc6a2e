//go:build netns

package rtnetlink

import (
	"context"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// followed follows the interfaces of the test's namespace, and returns what is told, and what ends it.
func followed(t *testing.T, prepare func(*netlink.Conn)) (told <-chan struct{}, stop func() error) {
	t.Helper()
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil) // here, since other threads are in other namespaces
	if err != nil {
		t.Fatal(err)
	}
	prepare(conn)
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}, 10_000), make(chan error, 1)
	go func() { ended <- followLinks(ctx, conn, func() { changes <- struct{}{} }) }()
	t.Cleanup(func() { _ = conn.Close() })
	return changes, func() error {
		cancel()
		return <-ended
	}
}

// await waits until what is told shows the condition to whoever looks then.
func await(t *testing.T, what string, told <-chan struct{}, condition func() bool) {
	t.Helper()
	late := time.After(5 * time.Second)
	for {
		select {
		case <-told:
			if condition() {
				return
			}
		case <-late:
			t.Fatalf("%s was not told", what)
		}
	}
}

func TestFollowLinks(t *testing.T) {
	c := isolate(t)
	up := func(name string) bool {
		link, err := c.Link(name)
		return err == nil && link.Operational
	}
	told, stop := followed(t, func(*netlink.Conn) {})
	await(t, "the beginning", told, func() bool { return up("lan") })
	for _, change := range []struct {
		line      string
		condition func() bool
	}{
		{"link set far down", func() bool { return !up("lan") }},
		{"link set far up", func() bool { return up("lan") }},
		{"link set lan name wan", func() bool { return !up("lan") && up("wan") }},
		{"link delete wan", func() bool { return !up("wan") }},
	} {
		ip(t, change.line)
		await(t, change.line, told, change.condition)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// More changes than the socket holds are told of as one.
func TestFollowLinksPastAnOverrun(t *testing.T) {
	c := isolate(t)
	told, stop := followed(t, func(conn *netlink.Conn) {
		if err := conn.SetReadBuffer(1); err != nil { // as small as the kernel lets it be
			t.Fatal(err)
		}
		if err := conn.JoinGroup(unix.RTNLGRP_LINK); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			ip(t, "link set far down")
			ip(t, "link set far up")
		}
	})
	ip(t, "link set far down")
	await(t, "the end of many changes", told, func() bool {
		link, err := c.Link("lan")
		return err == nil && link.Enabled && !link.Operational
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}
