package pool_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// standby returns the other unit with what this one has published, and makes it active.
func (b *bed) standby() *bed {
	b.Helper()
	other := newBed(b.T)
	other.machine.Become(false)
	for _, e := range b.published {
		if err := other.machine.Restore(other.now, e); err != nil {
			b.Error(err)
		}
	}
	other.machine.Become(true)
	for _, e := range other.machine.Entries(other.now) { // A new active publishes everything.
		other.published[e.Key] = e
	}
	return other
}

// Hosts keep their addresses, also with client identifiers, and others do not get them.
func TestOtherUnitKnowsTheLeases(t *testing.T) {
	b := newBed(t)
	withID := func(change func(*message.Request)) func(*message.Request) {
		return func(r *message.Request) { change(r); r.ID, r.Hostname = "\x01id", "laptop" }
	}
	first := b.send(mac(1), withID(discover)).address
	b.expect(b.send(mac(1), withID(choose(first))), "ACK "+first)
	second := b.join(mac(2))
	other := b.standby()
	other.expect(other.send(mac(3), discover), "")
	other.expect(other.send(mac(1), withID(renew(first))), "ACK "+first)
	other.expect(other.send(mac(2), renew(second)), "ACK "+second)
	want := `{"client":"016964","mac":"02:00:5e:00:00:01","hostname":"laptop"}`
	if got := string(other.published["lease/"+first].Value); got != want {
		t.Errorf("published %s, want %s", got, want)
	}
}

// Without its entries, an address is given twice.
func TestOtherUnitWithoutLeases(t *testing.T) {
	b := newBed(t)
	first, second := b.join(mac(1)), b.join(mac(2))
	b.published = nil
	other := b.standby()
	if got := other.join(mac(3)); got != first && got != second {
		t.Errorf("got %q, so the other tests prove nothing", got)
	}
}

// An offer is not replicated. A host that was offered an address by the other unit still gets it.
func TestOfferSurvives(t *testing.T) {
	b := newBed(t)
	offer := b.send(mac(1), discover)
	if len(b.published) != 0 {
		t.Errorf("an offer was published: %v", b.published)
	}
	other := b.standby()
	other.expect(other.send(mac(1), choose(offer.address)), "ACK "+offer.address)
}

func TestRestoreRefuses(t *testing.T) {
	for name, e := range map[string]pool.Entry{
		"another key": {Key: "route/192.168.50.10", Value: []byte("{}"), Life: time.Hour},
		"no address":  {Key: "lease/laptop", Value: []byte("{}"), Life: time.Hour},
		"no subnet":   {Key: "lease/10.0.0.1", Value: []byte("{}"), Life: time.Hour},
		"no life":     {Key: "lease/192.168.50.10", Value: []byte("{}")},
		"a year":      {Key: "lease/192.168.50.10", Value: []byte("{}"), Life: 365 * 24 * time.Hour},
		"no JSON":     {Key: "lease/192.168.50.10", Value: []byte("{"), Life: time.Hour},
		"no MAC":      {Key: "lease/192.168.50.10", Value: []byte(`{"mac":"1"}`), Life: time.Hour},
		"no hexadecimal": {
			Key: "lease/192.168.50.10", Value: []byte(`{"mac":"02:00:5e:00:00:01","client":"x"}`), Life: time.Hour,
		},
	} {
		m := pool.New(networks())
		if err := m.Restore(0, e); err == nil || len(m.Entries(0)) > 0 {
			t.Errorf("%s: got %v, %v", name, err, m.Entries(0))
		}
	}
}

// A host that has moved to another address takes no more of the bound than before.
func TestRestoreMovesAHostAtTheBound(t *testing.T) {
	n := networks()[0]
	n.Subnet = netip.MustParsePrefix("10.0.0.0/8")
	m := pool.New([]document.DHCPNetwork{n})
	restore := func(address, host int) error {
		return m.Restore(0, pool.Entry{
			Key:   "lease/" + netip.AddrFrom4([4]byte{10, byte(address >> 16), byte(address >> 8), byte(address)}).String(),
			Value: fmt.Appendf(nil, `{"mac":"02:00:5e:00:%02x:%02x"}`, host>>8&0xff, host&0xff), Life: time.Hour,
		})
	}
	for i := range pool.MaxLeases {
		if err := restore(i, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := restore(pool.MaxLeases, 7); err != nil {
		t.Errorf("the new address of a host is refused: %v", err)
	}
	if got := len(m.Entries(0)); got != pool.MaxLeases {
		t.Errorf("%d leases are stored, want %d", got, pool.MaxLeases)
	}
}

// Whatever hosts send, no two of them use an address at once, and the other unit knows of all.
func TestNoAddressIsGivenTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBed(t)
		type use struct {
			host message.MAC
			end  time.Duration
		}
		uses := map[string]use{}
		addresses := []string{"192.168.50.10", "192.168.50.11", reserved, "192.168.50.13"}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			host := rapid.SampledFrom([]message.MAC{mac(1), mac(2), mac(3), printer}).Draw(r, "host")
			address := rapid.SampledFrom(addresses).Draw(r, "address")
			kind := rapid.SampledFrom([]message.Type{
				message.Discover, message.AddressRequest, message.AddressRequest, message.Release, message.Decline,
			}).Draw(r, "type")
			if rapid.IntRange(0, 9).Draw(r, "failover") == 0 {
				for _, e := range b.machine.Entries(b.now) { // Time has passed since they were published.
					if _, ok := b.published[e.Key]; ok {
						b.published[e.Key] = e
					}
				}
				now := b.now
				b = b.standby()
				for key, u := range uses {
					uses[key] = use{u.host, u.end - now}
				}
			}
			got := b.send(host, func(m *message.Request) {
				m.Type = kind
				m.Requested = netip.MustParseAddr(address)
				if kind == message.Release || rapid.Bool().Draw(r, "has it") {
					m.Current, m.Requested = m.Requested, netip.Addr{}
				} else if kind != message.Discover {
					m.Server = netip.MustParseAddr(server)
				}
				if u, ok := uses[address]; ok && u.host == host && kind != message.AddressRequest && kind != message.Discover {
					delete(uses, address)
				}
			})
			if got.kind == message.ACK {
				if u, ok := uses[got.address]; ok && u.host != host && u.end > b.now {
					r.Fatalf("%s is given to %x and %x", got.address, u.host, host)
				}
				for a, u := range uses {
					if u.host == host {
						delete(uses, a)
					}
				}
				uses[got.address] = use{host, b.now + 600*time.Second - settled}
				if _, ok := b.published["lease/"+got.address]; !ok {
					r.Fatalf("the other unit does not know of %s", got.address)
				}
			}
			b.pass(time.Duration(rapid.IntRange(0, 400).Draw(r, "seconds")) * time.Second)
		}
	})
}

// What was published is what the machine has.
func FuzzRestore(f *testing.F) {
	f.Add("lease/192.168.50.10", `{"mac":"02:00:5e:00:00:01","client":"016964","hostname":"laptop"}`, int64(time.Hour))
	f.Add("lease/192.168.50.12", `{}`, int64(time.Minute))
	f.Fuzz(func(t *testing.T, key, value string, life int64) {
		m := pool.New(networks())
		if m.Restore(0, pool.Entry{Key: key, Value: []byte(value), Life: time.Duration(life)}) != nil {
			return
		}
		entries := m.Entries(0)
		if len(entries) != 1 || fmt.Sprint(entries[0].Life) != fmt.Sprint(time.Duration(life)) {
			t.Errorf("restored %v", entries)
		}
		m.Forget(entries[0].Key)
		if got := m.Entries(0); len(got) != 0 {
			t.Errorf("left %v", got)
		}
	})
}
