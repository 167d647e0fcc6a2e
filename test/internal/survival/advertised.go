package survival

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/testbed"
)

// Advertised has a host that finds its router and its IPv6 address by router advertisements of the pair.
type Advertised struct {
	Site Site

	started
	host    endurance.Namespace
	routes  testbed.Log // what happens to the routes of the host
	address string
}

// Serve implements Sessions. The router is the pair.
func (a *Advertised) Serve(context.Context) (err error) {
	if a.host, err = a.guest(a.Site.LAN, "tablet"); err != nil {
		return err
	}
	monitor := exec.Command("ip", "-6", "monitor", "route")
	monitor.Stdout = &a.routes
	if err := a.start(a.host, monitor); err != nil {
		return err
	}
	_, err = command(a.host, "ip link set lan0 up")
	return err
}

// Prepare implements Sessions.
func (a *Advertised) Prepare(ctx context.Context) error {
	if a.address != "" {
		return nil
	}
	return eventually(ctx, "the host to have a router and an address", func(context.Context) (err error) {
		if err = a.hasRouter(); err == nil {
			a.address, err = a.global()
		}
		return err
	})
}

// Check implements Sessions.
func (a *Advertised) Check(ctx context.Context) []Proof {
	return []Proof{{What: "router and IPv6 address of a host", Err: a.check(ctx)}}
}

// check asks the router for an advertisement, and checks that the host has lost nothing.
func (a *Advertised) check(ctx context.Context) error {
	err := eventually(ctx, "the new active to advertise", func(context.Context) error {
		_, err := command(a.host, "rdisc6 --single --retry 1 --wait 4000 lan0")
		return err
	})
	address, failed := a.global()
	if failed == nil && address != a.address {
		failed = fmt.Errorf("the host has %s instead of %s", address, a.address)
	}
	if strings.Contains(a.routes.String(), "Deleted default") {
		failed = errors.Join(failed, errors.New("the host has lost its router at some time"))
	}
	return errors.Join(err, a.hasRouter(), failed)
}

// hasRouter returns an error unless the pair is the only default router of the host.
func (a *Advertised) hasRouter() error {
	text, err := command(a.host, "ip -6 route show default")
	if err != nil {
		return err
	}
	if routes := strings.TrimSpace(text); !strings.HasPrefix(routes, "default via fe80::1 dev lan0 proto ra ") ||
		strings.Contains(routes, "\n") {
		return fmt.Errorf("the default routes of the host are %q", routes)
	}
	return nil
}

// global returns the address that the host has made of the advertised prefix.
func (a *Advertised) global() (string, error) {
	text, err := command(a.host, "ip -6 -brief address show dev lan0 scope global -tentative")
	if err != nil {
		return "", err
	}
	for _, word := range strings.Fields(text) {
		if strings.HasPrefix(word, "fd50:") {
			return word, nil
		}
	}
	return "", fmt.Errorf("the host has no address of the prefix: %q", text)
}
