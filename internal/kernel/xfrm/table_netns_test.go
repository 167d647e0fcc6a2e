//go:build netns

package xfrm_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/test/testbed"
)

// own are the SAs of a network namespace.
type own struct {
	*testing.T
	namespace *testbed.Namespace
	table     *xfrm.Table
}

// openOwn opens the SAs of a new namespace. It skips the test if the kernel has no ESP.
func openOwn(t *testing.T) *own {
	t.Helper()
	n := testbed.NewNamespace(t, "unit")
	if err := n.Do(xfrm.Try); err != nil {
		t.Skipf("the kernel cannot have SAs, run `make test-ipsec-vm`: %v", err)
	}
	return &own{t, n, testbed.Open(t, n, xfrm.OpenTable)}
}

// add adds an SA, with a replay window and with ESN or without.
func (o *own) add(id xfrm.ID, window int, extended bool) {
	o.Helper()
	sa := &netlink.XfrmState{
		Src: net.ParseIP("192.0.2.1"), Dst: id.Destination.AsSlice(), Proto: netlink.XFRM_PROTO_ESP,
		Mode: netlink.XFRM_MODE_TUNNEL, Spi: int(id.SPI), ReplayWindow: window, ESN: extended,
		Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 36), ICVLen: 128},
	}
	if id.Destination.Is6() {
		sa.Src = net.ParseIP("2001:db8::1")
	}
	if err := o.namespace.Do(func() error { return netlink.XfrmStateAdd(sa) }); err != nil {
		o.Fatal(err)
	}
}

func (o *own) list() []xfrm.SA {
	o.Helper()
	all, err := o.table.List()
	if err != nil {
		o.Fatal(err)
	}
	slices.SortFunc(all, func(a, b xfrm.SA) int { return int(a.SPI) - int(b.SPI) })
	return all
}

// Without SAs, the kernel answers too, so this runs on every kernel with IPsec.
func TestMissingSAIsReported(t *testing.T) {
	n := testbed.NewNamespace(t, "unit")
	table := testbed.Open(t, n, xfrm.OpenTable)
	missing := make([]xfrm.SA, 1000)
	ids := make([]xfrm.ID, len(missing))
	for i := range missing {
		ids[i] = xfrm.ID{Destination: netip.MustParseAddr("192.0.2.9"), SPI: uint32(1000 + i)}
		missing[i] = xfrm.SA{ID: ids[i], Counters: xfrm.Counters{Seen: []uint32{0}, Legacy: true}}
	}
	written, writeErr := table.Write(missing)
	read, readErr := table.Read(ids)
	removed, removeErr := table.Remove(ids)
	if err := errors.Join(writeErr, readErr, removeErr); err != nil {
		t.Fatal(err)
	}
	for _, results := range [][]xfrm.Result{written, read, removed} {
		if len(results) != len(ids) {
			t.Fatalf("%d answers to %d requests", len(results), len(ids))
		}
		for i, result := range results {
			if !errors.Is(result.Err, unix.ESRCH) {
				t.Fatalf("the answer about %s is %v, want no such SA", ids[i], result.Err)
			}
		}
	}
	if all, err := table.List(); err != nil || len(all) != 0 {
		t.Errorf("got the SAs %v and %v, want none", all, err)
	}
}

func TestCountersAreKept(t *testing.T) {
	o := openOwn(t)
	destination, other := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	o.add(xfrm.ID{Destination: destination, SPI: 0x1000}, 32, false)
	o.add(xfrm.ID{Destination: other, SPI: 0x1001}, 128, true)
	wanted := []xfrm.SA{
		{
			ID:       xfrm.ID{Destination: destination, SPI: 0x1000},
			Counters: xfrm.Counters{Sent: 1<<32 - 1, Received: 77, Seen: []uint32{0xa5a5a5a5}, Legacy: true},
		},
		{
			ID: xfrm.ID{Destination: other, SPI: 0x1001}, Extended: true,
			Counters: xfrm.Counters{Sent: 7<<32 | 5, Received: 9<<32 | 6, Seen: []uint32{1, 2, 3, 4}, Size: 128},
		},
	}
	for i, sa := range o.list() {
		if want := wanted[i]; sa.ID != want.ID || sa.Extended != want.Extended || !sa.Counters.HasShapeOf(want.Counters) {
			t.Errorf("the list has %+v, want the shape of %+v", sa, want)
		}
	}
	results, err := o.table.Write(wanted)
	if err != nil {
		t.Fatal(err)
	}
	read, err := o.table.Read([]xfrm.ID{wanted[0].ID, wanted[1].ID})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range wanted {
		if results[i].Err != nil || read[i].Err != nil || !read[i].Counters.Equal(want.Counters) {
			t.Errorf("%s: written with %v, read %+v, want %+v", want.ID, results[i].Err, read[i], want)
		}
	}
	for i, sa := range o.list() {
		if !sa.Counters.Equal(wanted[i].Counters) {
			t.Errorf("the list has %+v, want %+v", sa, wanted[i])
		}
	}
	mismatched := wanted[1]
	mismatched.Counters.Seen = []uint32{0}
	if results, err := o.table.Write([]xfrm.SA{mismatched}); err != nil || !errors.Is(results[0].Err, unix.EINVAL) {
		t.Errorf("a window of another length was answered by %v and %v, want EINVAL", results, err)
	}
	removed, err := o.table.Remove([]xfrm.ID{wanted[0].ID})
	if err != nil || removed[0].Err != nil || len(o.list()) != 1 {
		t.Errorf("after %v and %v of removing an SA, there are %v", removed, err, o.list())
	}
}

// A kernel with ESP is found, and nothing of the trial is left.
func TestTrialLeavesNothing(t *testing.T) {
	o := openOwn(t)
	if all := o.list(); len(all) > 0 {
		t.Errorf("the SAs %v are left", all)
	}
	err := o.namespace.Do(func() error { return xfrm.EnsureInterface("ipsec0", 7, 1400) })
	if err != nil {
		t.Fatal(err)
	}
	err = o.namespace.Do(func() error {
		links, err := netlink.LinkList()
		if err == nil && (len(links) != 2 || links[1].Attrs().Name != "ipsec0" || links[1].Attrs().MTU != 1400) {
			t.Errorf("got the interfaces %v, want the loopback and the new one", links)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsReportChangesOfSAs(t *testing.T) {
	o := openOwn(t)
	events := testbed.Open(t, o.namespace, xfrm.OpenEvents)
	past := time.Unix(1, 0)
	if changed, err := events.Wait(past); changed || err != nil {
		t.Fatalf("without a change, got %t and %v", changed, err)
	}
	id := xfrm.ID{Destination: netip.MustParseAddr("192.0.2.9"), SPI: 0x1000}
	o.add(id, 32, false)
	if changed, err := events.Wait(time.Time{}); !changed || err != nil {
		t.Fatalf("after an SA was added, got %t and %v", changed, err)
	}
	if _, err := o.table.Remove([]xfrm.ID{id}); err != nil {
		t.Fatal(err)
	}
	if changed, err := events.Wait(time.Time{}); !changed || err != nil {
		t.Fatalf("after an SA was removed, got %t and %v", changed, err)
	}
}
