package pool_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// named changes a request to one of a host with a name.
func named(hostname string, change func(*message.Request)) func(*message.Request) {
	return func(r *message.Request) {
		change(r)
		r.Hostname = hostname
	}
}

// joinAs gives a host an address, by its name.
func (b *bed) joinAs(host message.MAC, hostname string) string {
	b.Helper()
	address := b.send(host, named(hostname, discover)).address
	b.expect(b.send(host, named(hostname, choose(address))), "ACK "+address)
	return address
}

// expectName checks which address a name has; none if it is empty.
func (b *bed) expectName(when, name, want string) {
	b.Helper()
	a, ok := b.machine.AddressOf(b.now, name)
	if ok != (want != "") || ok && a.String() != want {
		b.Errorf("%s, %s is %s (%t), want %s", when, name, a, ok, want)
	}
	if !ok {
		return
	}
	if back, ok := b.machine.NameOf(b.now, a); !ok || back != name {
		b.Errorf("%s, %s is %q", when, a, back)
	}
}

// A name belongs to the first host that gives it, as long as that has its lease. The other unit knows it too.
func TestNamesBelongToTheFirstHost(t *testing.T) {
	const name = "laptop.example.com"
	b := newBed(t)
	b.expectName("without a host", name, "")
	first, second := b.joinAs(mac(1), "laptop"), b.joinAs(mac(2), "laptop")
	b.expectName("with two hosts", name, first)
	if got, ok := b.machine.NameOf(b.now, netip.MustParseAddr(second)); ok {
		t.Errorf("the second host is %s too", got)
	}
	other := b.standby()
	other.expectName("at the other unit", name, first)
	b.send(mac(2), named("laptop", renew(second)))
	b.expectName("after a renewal of the second", name, first)
	b.send(mac(1), named("notebook", renew(first)))
	b.expectName("renamed", name, "")
	b.expectName("renamed", "notebook.example.com", first)
	b.send(mac(2), named("laptop", renew(second)))
	b.expectName("when it is free", name, second)
	b.send(mac(2), func(r *message.Request) { r.Type, r.Current = message.Release, netip.MustParseAddr(second) })
	b.expectName("after a release", name, "")
	b.pass(601 * time.Second)
	b.expectName("when the lease has ended", "notebook.example.com", "")
	other.now += 601 * time.Second
	other.expectName("when it has ended at the other unit", name, "")
}

// The name in a reservation is that of its host, whatever others and it say.
func TestReservedNames(t *testing.T) {
	b := newBed(t)
	stranger := b.joinAs(mac(1), "printer")
	b.expectName("before the printer is there", "printer.example.com", "")
	if got := b.joinAs(printer, "other"); got != reserved {
		t.Fatalf("the printer has %s", got)
	}
	b.expectName("with the printer", "printer.example.com", reserved)
	b.expectName("by its own word", "other.example.com", "")
	b.send(mac(1), named("printer", renew(stranger)))
	b.expectName("after a renewal of the other host", "printer.example.com", reserved)
}

// A network without a domain has no names.
func TestNamesNeedADomain(t *testing.T) {
	b := newBed(t)
	b.machine.Become(false)
	for _, e := range b.standby().published {
		t.Errorf("%v is published", e)
	}
	b.expectName("without a domain", "laptop.", "")
	b.expectName("without a domain", "laptop", "")
}
