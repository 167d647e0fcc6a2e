//go:build netns

package members

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
)

func put(key string, life time.Duration) table.Change {
	return table.Change{Entry: table.Entry{Key: key, Value: []byte("{}"), Life: life}}
}

// A batch that does not fit leaves everything as it was: what it changed, what it added and what it deleted.
func TestRefusedBatchIsReverted(t *testing.T) {
	namespace := testbed.NewNamespace(t, "unit")
	namespace.Firewall(t, "table inet hapair { "+
		"set dynamic.full.ipv4 { type ipv4_addr; size 2; flags dynamic,timeout; "+
		"elements = { 192.0.2.1 timeout 100s expires 50s, 192.0.2.2 }; }; "+
		"set dynamic.other.ipv6 { type ipv6_addr; size 2; flags dynamic,timeout; elements = { 2001:db8::1 }; }; "+
		"set dynamic.names.ipv4 { type ipv4_addr; size 2; flags timeout; elements = { 192.0.2.9 }; }; }")
	m := New(testbed.Open(t, namespace, func() (nftables.Kernel, error) {
		k := nftables.Open()
		_, err := k.Generation()
		return k, err
	}))
	list := func() (text string) {
		t.Helper()
		entries, err := m.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text += e.Key + " " + e.Life.Round(10*time.Second).String() + ", "
		}
		return text
	}
	contains := func(listing string, wanted ...string) {
		t.Helper()
		for _, want := range wanted {
			if !strings.Contains(listing, want) {
				t.Errorf("%q is missing in %s", want, listing)
			}
		}
		if n := strings.Count(listing, ","); n != len(wanted) {
			t.Errorf("%d members in %s, want %d", n, listing, len(wanted))
		}
	}
	before := []string{"full/192.0.2.1 50s", "full/192.0.2.2 0s", "other/2001:db8::1 0s"}
	contains(list(), before...)
	deletion := put("other/2001:db8::1", 0)
	deletion.Deleted = true
	err := m.Update(table.Batch{Changes: []table.Change{
		put("full/192.0.2.1", time.Hour), deletion, put("other/2001:db8::2", time.Hour), put("full/192.0.2.3", 0),
	}})
	if !errors.Is(err, table.ErrFull) || !strings.Contains(err.Error(), "192.0.2.3 was not added") {
		t.Errorf("a batch that does not fit: %v", err)
	}
	contains(list(), before...)
	if err := m.Update(table.Batch{Changes: []table.Change{
		put("full/192.0.2.1", time.Hour), deletion, put("other/2001:db8::2", time.Hour),
	}}); err != nil {
		t.Errorf("a batch that fits: %v", err)
	}
	contains(list(), "full/192.0.2.1 1h0m0s", "full/192.0.2.2 0s", "other/2001:db8::2 1h0m0s")
}
