//go:build netns

package rtnetlink

import (
	"context"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// followed follows the interfaces of the test's namespace. It returns a channel with an item for each report, and a
// function that stops following.
func followed(t *testing.T, prepare func(*nl.NetlinkSocket)) (reports <-chan struct{}, stop func() error) {
	t.Helper()
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK) // here, since other threads are in other namespaces
	if err != nil {
		t.Fatal(err)
	}
	prepare(socket)
	return followedOn(t, socket)
}

// followedOn follows what the socket is subscribed to.
func followedOn(t *testing.T, socket *nl.NetlinkSocket) (reports <-chan struct{}, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}, 10_000), make(chan error, 1)
	go func() { ended <- receive(ctx, socket, func() { changes <- struct{}{} }) }()
	return changes, func() error {
		cancel()
		return <-ended
	}
}

// await waits for a report after which the condition holds.
func await(t *testing.T, what string, reports <-chan struct{}, condition func() bool) {
	t.Helper()
	late := time.After(5 * time.Second)
	for {
		select {
		case <-reports:
			if condition() {
				return
			}
		case <-late:
			t.Fatalf("%s was not reported", what)
		}
	}
}

func TestFollowLinks(t *testing.T) {
	c := isolate(t)
	up := func(name string) bool {
		link, err := c.Link(name)
		return err == nil && link.Operational
	}
	reports, stop := followed(t, func(*nl.NetlinkSocket) {})
	await(t, "the beginning", reports, func() bool { return up("lan") })
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
		await(t, change.line, reports, change.condition)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// An overrun of the socket is reported as one change.
func TestFollowLinksPastAnOverrun(t *testing.T) {
	c := isolate(t)
	reports, stop := followed(t, func(socket *nl.NetlinkSocket) {
		if err := socket.SetReceiveBufferSize(1, false); err != nil { // the kernel raises it to its minimum
			t.Fatal(err)
		}
		for range 20 {
			ip(t, "link set far down")
			ip(t, "link set far up")
		}
	})
	ip(t, "link set far down")
	await(t, "the end of many changes", reports, func() bool {
		link, err := c.Link("lan")
		return err == nil && link.Enabled && !link.Operational
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}
