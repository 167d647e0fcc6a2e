package survival

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hapair-io/hapair/test/testbed"
)

// Forwarded has a host that asks the pair for DNS names: of a server outside, which is dnsmasq, of the document, and of
// a host with a lease. That host sleeps while the role moves.
type Forwarded struct {
	Site Site

	started
	log     testbed.Log
	printer *leaseholder
	address string
}

const (
	// upstreamPort is that of the server outside in the document, since another row has a server at port 53.
	upstreamPort = "5300"
	// outside is a name of that server with its address, and recorded one of the document.
	outside, outsideAddress   = "www.example.net", "192.0.2.80"
	recorded, recordedAddress = "nas.lan.example", "192.168.50.20"
	// printer is the name of the host with a lease.
	printer = "printer.lan.example"
)

// Serve implements Sessions.
func (f *Forwarded) Serve(context.Context) (err error) {
	_, err = f.nameServer(f.Site.WAN, &f.log, upstreamPort, outside, netip.MustParseAddr(outsideAddress))
	if err != nil {
		return err
	}
	f.printer, err = f.leaseholder(f.Site.LAN, "printer")
	return err
}

// Prepare implements Sessions.
func (f *Forwarded) Prepare(ctx context.Context) (err error) {
	if f.address == "" {
		f.address, err = f.printer.ask(ctx, &f.started, "-x", "hostname:printer")
	}
	if err != nil {
		return err
	}
	for name, address := range map[string]string{outside: outsideAddress, recorded: recordedAddress, printer: f.address} {
		err := eventually(ctx, "the address of "+name+"; dnsmasq says: "+f.log.String(), func(context.Context) error {
			return f.lookUp(name, address)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Announce implements Sessions. The host falls asleep.
func (f *Forwarded) Announce(context.Context) error { return f.printer.link("down") }

// Check implements Sessions.
func (f *Forwarded) Check(context.Context) []Proof {
	return []Proof{
		{What: "DNS name of a server outside", Err: f.lookUp(outside, outsideAddress)},
		{What: "DNS name of the document", Err: f.lookUp(recorded, recordedAddress)},
		{What: "DNS name of a host that sleeps", NeedsClass: true, Err: f.lookUp(printer, f.address)},
	}
}

// lookUp returns an error unless the pair answers with the address. A question may be lost while the role moves.
func (f *Forwarded) lookUp(name, want string) error {
	text, err := command(f.Site.LAN, "dig +tries=4 +time=3 +short @"+lanVirtual.String()+" "+name)
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(text); got != want {
		return fmt.Errorf("%s has the address %q, want %s", name, got, want)
	}
	return nil
}
