package survival

import (
	"context"
	"os/exec"
	"syscall"

	"github.com/hapair-io/hapair/test/testbed"
)

// DNSNames has an address object with a DNS name. Its resolver, dnsmasq, is gone when the role moves.
type DNSNames struct {
	Site Site

	started
	dnsmasq *exec.Cmd
	log     testbed.Log
	isGone  bool
}

// Serve implements Sessions.
func (d *DNSNames) Serve(ctx context.Context) (err error) {
	if err := d.address(d.Site.WAN, updates); err != nil {
		return err
	}
	if err := d.greet(ctx, d.Site.WAN, greeter(updates)); err != nil {
		return err
	}
	d.dnsmasq, err = d.nameServer(d.Site.WAN, &d.log, "53", "updates.example.com", updates)
	return err
}

// Prepare implements Sessions.
func (d *DNSNames) Prepare(ctx context.Context) error {
	if d.isGone {
		return nil
	}
	err := eventually(ctx, "the name to be looked up; dnsmasq says: "+d.log.String(), d.reach)
	if err == nil {
		d.isGone = true
		err = syscall.Kill(-d.dnsmasq.Process.Pid, syscall.SIGKILL)
	}
	return err
}

// Check implements Sessions.
func (d *DNSNames) Check(ctx context.Context) []Proof {
	return []Proof{{What: "address of a DNS name, without a resolver", NeedsClass: true, Err: d.reach(ctx)}}
}

func (d *DNSNames) reach(ctx context.Context) error {
	return reach(ctx, d.Site.LAN, client, greeter(updates))
}
