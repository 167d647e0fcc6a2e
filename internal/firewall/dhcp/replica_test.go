package dhcp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/localapi/client"
)

// At the bound of what is remembered before the document comes, the last state of a lease counts, not the first.
func TestEntriesOfKnownLeasesChangeAtTheBound(t *testing.T) {
	s := New(testr.New(t))
	entry := func(i int, mac string) client.Entry {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		return client.Entry{
			Key: "lease/" + a.String(), Value: fmt.Appendf(nil, `{"mac":%q}`, mac), Life: time.Hour,
		}
	}
	for i := range pool.MaxLeases + 1 {
		s.changedOnActive(entry(i, "02:00:5e:00:00:01"))
	}
	changed := entry(0, "02:00:5e:00:00:02")
	s.changedOnActive(changed)
	if got := s.received[changed.Key].Value; string(got) != string(changed.Value) || len(s.received) != pool.MaxLeases {
		t.Errorf("remembered %d entries, that of %s is %s; want %d and %s",
			len(s.received), changed.Key, got, pool.MaxLeases, changed.Value)
	}
}
