package survival

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// rememberedFor is how long the document remembers who knocked.
	rememberedFor = 900 * time.Second
	// tolerance bounds by how much what remains may differ from what it would be without a move of the role.
	tolerance = time.Second
)

// Remembered has an address that a policy remembers, with what remains of its time.
type Remembered struct {
	Site Site

	started
	knocked time.Time
}

// Serve implements Sessions.
func (r *Remembered) Serve(ctx context.Context) error {
	if err := r.address(r.Site.LAN, knocker); err != nil {
		return err
	}
	return r.greet(ctx, r.Site.WAN, greeter(server))
}

// Prepare implements Sessions.
func (r *Remembered) Prepare(ctx context.Context) error {
	if !r.knocked.IsZero() {
		return nil
	}
	if r.reach(ctx) == nil {
		return fmt.Errorf("%s reached the server before it knocked", knocker)
	}
	if err := r.knock(); err != nil {
		return err
	}
	r.knocked = time.Now()
	return eventually(ctx, "the address to be remembered", r.reach)
}

func (r *Remembered) knock() error {
	return namespace.Do(string(r.Site.LAN), func() error {
		from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(knocker, 0))
		conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(netip.AddrPortFrom(lanVirtual, 7000)))
		if err != nil {
			return err
		}
		if _, err := conn.Write([]byte("knock")); err != nil {
			return err
		}
		return conn.Close()
	})
}

// Check implements Sessions.
func (r *Remembered) Check(ctx context.Context) []Proof {
	return []Proof{
		{What: "address that a policy remembers", NeedsClass: true, Err: r.reach(ctx)},
		{What: "what remains of its time", NeedsClass: true, Err: r.checkRemaining(ctx)},
	}
}

func (r *Remembered) reach(ctx context.Context) error {
	return reach(ctx, r.Site.LAN, knocker, greeter(server))
}

// checkRemaining compares the end of the address on the active unit with the time of the knock.
func (r *Remembered) checkRemaining(ctx context.Context) error {
	unit, err := r.Site.Active(ctx)
	if err != nil {
		return err
	}
	before := time.Since(r.knocked)
	remains, err := remaining(unit)
	after := time.Since(r.knocked)
	if err != nil {
		return err
	}
	if remains < rememberedFor-after-tolerance || remains > rememberedFor-before+tolerance {
		return fmt.Errorf("%s remain of %s, %s after the knock", remains, rememberedFor, after)
	}
	return nil
}

// remaining returns how long a unit remembers the address. The kernel is asked itself, since nft prints whole seconds.
func remaining(unit endurance.Namespace) (left time.Duration, err error) {
	set := nftables.Set{Name: plan.DynamicSet("knockers", ruleset.IPv4)}
	err = namespace.Do(string(unit), func() error {
		return nftables.Kernel{}.Elements(plan.Table, set, func(e nftables.Element) error {
			if address, ok := netip.AddrFromSlice(e.Key); ok && address == knocker {
				left = e.Remaining
			}
			return nil
		})
	})
	if err == nil && left == 0 {
		err = fmt.Errorf("the unit does not have %s", knocker)
	}
	return left, err
}
