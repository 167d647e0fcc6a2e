//go:build netns

package connectioncache

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestEntriesWrittenBeforeAnyListenerReportChanges checks what a promoted unit hears of entries that it wrote while
// nothing in its kernel listened to conntrack events. By default the kernel never reports such entries.
func TestEntriesWrittenBeforeAnyListenerReportChanges(t *testing.T) {
	u := newUnit(t, "b")
	u.do(func() error { return os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_events", []byte("2"), 0o600) })
	for name, f := range eachKind() {
		t.Run(name, func(t *testing.T) {
			u.wantApplied(state.Upsert, f)
			w := classtest.Watch(t, u.Class)
			u.ask(conntrack.Update, conntrack.Flow{Orig: f.Orig, Fields: conntrack.FieldMark, Mark: 7})
			u.ask(conntrack.Delete, f)
			if got := operations(t, w); got != "UD" {
				t.Errorf("the watch returned %q, want a change and an end", got)
			}
		})
	}
}

// TestUnitIsSubscribedBeforeItsFirstWrite checks the same of a machine on which other programs listen: from Linux 6.3
// on, these make the entries of each namespace report events.
func TestUnitIsSubscribedBeforeItsFirstWrite(t *testing.T) {
	namespace := testbed.NewNamespace(t, "b")
	var c *ConnectionCache
	var subscribed bool
	err := namespace.Do(func() (err error) {
		if c, err = New(Config{}); err != nil {
			return err
		}
		subscribed, err = isSubscribed()
		return errors.Join(err, c.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if !subscribed {
		t.Error("no socket of the namespace has joined a group of conntrack")
	}
}

// isSubscribed reports whether a socket in this network namespace has joined any group of conntrack.
func isSubscribed() (bool, error) {
	const conntrackGroups = 1<<unix.NFNLGRP_CONNTRACK_EXP_DESTROY - 1
	list, err := os.ReadFile("/proc/thread-self/net/netlink")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line) // address, protocol, port, groups
		if len(fields) < 4 || fields[1] != strconv.Itoa(unix.NETLINK_NETFILTER) {
			continue
		}
		groups, err := strconv.ParseUint(fields[3], 16, 32)
		if err != nil || groups&conntrackGroups != 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// operations returns the operations of all changes that have happened: U for an upsert, D for a deletion.
func operations(t *testing.T, w class.Watch) (all string) {
	t.Helper()
	for _, c := range classtest.Drain(t, w) {
		all += map[state.Op]string{state.Upsert: "U", state.Delete: "D"}[c.Op]
	}
	return all
}

// eachKind returns connections of different protocols and families.
func eachKind() map[string]conntrack.Flow {
	udp := example()
	udp.Orig.Protocol, udp.Reply.Protocol = conntrack.ProtocolUDP, conntrack.ProtocolUDP
	udp.Fields = conntrack.FieldStatus | conntrack.FieldTimeout
	six := udp
	six.Orig.Src, six.Orig.Dst = netip.MustParseAddr("fd50::10"), netip.MustParseAddr("2001:db8::9")
	six.Reply = six.Orig.Inverse()
	return map[string]conntrack.Flow{"TCP with source translation": example(), "UDP": udp, "UDP over IPv6": six}
}
