package wan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// host is what a balancer works on.
type host struct {
	// cut are the interfaces without a carrier.
	cut map[string]bool
	// slots has the mark of each slot, by map.
	slots map[string]map[int]uint32
	// refuses is what the kernel answers to a write; nil if it accepts it.
	refuses error
	writes  int
	// unusable are the links that the routes avoid. ended are those whose connections were ended, in order.
	unusable map[string]bool
	ended    []string
}

func (h *host) Link(name string) (rtnetlink.Link, error) {
	return rtnetlink.Link{Index: 1, Up: !h.cut[name]}, nil
}

func (h *host) Addresses(int) ([]netip.Prefix, error) { return nil, nil }

func (h *host) Elements(_ string, set nftables.Set, each func(nftables.Element) error) error {
	for slot, mark := range h.slots[set.Name] {
		if err := each(nftables.Element{Key: ruleset.SlotKey(slot), Value: ruleset.MarkValue(mark)}); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) WriteElements(_ string, changes []nftables.ElementChange) ([]error, error) {
	for _, c := range changes {
		h.writes++
		if h.refuses != nil {
			continue
		}
		if h.slots[c.Set] == nil {
			h.slots[c.Set] = map[int]uint32{}
		}
		slot, _ := ruleset.SlotOf(c.Element.Key)
		h.slots[c.Set][slot] = binary.NativeEndian.Uint32(c.Element.Value)
	}
	return []error{nil, h.refuses}, nil
}

func (h *host) SetUnusable(links map[string]bool) { h.unusable = links }

func (h *host) end(_ context.Context, marks map[string]uint32) (map[string]int, error) {
	for name := range marks {
		h.ended = append(h.ended, name)
	}
	return map[string]int{}, nil
}

// share returns how many slots each link of the document has, in its order.
func (h *host) share(d document.Document, family ruleset.Family) (shares []int) {
	for _, number := range plan.LinkNumbers(d.WAN) {
		n := 0
		for _, mark := range h.slots[plan.LinkMap(family)] {
			if mark == plan.LinkMark(number) {
				n++
			}
		}
		shares = append(shares, n)
	}
	return shares
}

func links(t *testing.T, text string) document.Document {
	t.Helper()
	d, err := document.Parse([]byte(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan1, wan2]}]
  wan: {links: [` + text + "]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	fibreAndCable = fibre + ", " + cable
	fibre         = `{name: fibre, interface: wan1, gateways: [203.0.113.254, "fe80::1"], weight: 3, ` + monitors
	cable         = `{name: cable, interface: wan2, gateways: [198.51.100.254], ` + monitors
	monitors      = `monitors: [{host: 192.0.2.1}]}`
)

func newBalancer(t *testing.T) (*Balancer, *host) {
	h := &host{cut: map[string]bool{}, slots: map[string]map[int]uint32{}}
	return New(Config{Links: h, Elements: h, Routes: h, End: h.end, Log: testr.New(t)}), h
}

func verdict(name string, isReached bool) client.Entry {
	return entryOf(name, Verdict{IsReached: isReached})
}

func expectShare(t *testing.T, when string, h *host, d document.Document, want ...int) {
	t.Helper()
	if got := h.share(d, ruleset.IPv4); !slices.Equal(got, want) {
		t.Errorf("%s, the shares are %v, want %v", when, got, want)
	}
}

func TestStandbyFollowsVerdicts(t *testing.T) {
	b, h := newBalancer(t)
	d := links(t, fibreAndCable)
	b.receive([]client.Entry{verdict("cable", false), verdict("other", false), {Key: "fibre", Value: []byte("{")}})
	b.Set(d)
	expectShare(t, "with a verdict before the document", h, d, 256, 0)
	if got := h.share(d, ruleset.IPv6); !slices.Equal(got, []int{256, 0}) {
		t.Errorf("the shares of IPv6 are %v", got)
	}
	if !h.unusable["cable"] || len(h.unusable) != 1 || len(h.ended) > 0 {
		t.Errorf("the routes avoid %v, and connections of %v were ended by a standby", h.unusable, h.ended)
	}
	b.Become(true)
	b.settle(t.Context())
	b.settle(t.Context())
	expectShare(t, "on the new active", h, d, 256, 0)
	if !slices.Equal(h.ended, []string{"cable"}) {
		t.Errorf("the new active ended the connections of %v, want those of the dead link once", h.ended)
	}
	b.Become(false)
	b.Become(true)
	b.settle(t.Context())
	if len(h.ended) != 2 {
		t.Errorf("a unit that became active again ended the connections of %v", h.ended)
	}
	b.forget("cable")
	b.receive([]client.Entry{verdict("cable", true)})
	b.settle(t.Context())
	expectShare(t, "with a new verdict", h, d, 192, 64)
}

// At the bound of what is remembered, the last verdict about a link counts, not the first.
func TestVerdictsOfKnownLinksChangeAtTheBound(t *testing.T) {
	b, h := newBalancer(t)
	b.receive([]client.Entry{verdict("cable", true)})
	for i := range maxReceived + 1 {
		b.receive([]client.Entry{verdict(fmt.Sprint("other", i), false)})
	}
	b.receive([]client.Entry{verdict("cable", false)})
	if len(b.received) != maxReceived || len(b.reasons) != maxReceived {
		t.Errorf("%d verdicts with %d reasons are remembered, want %d", len(b.received), len(b.reasons), maxReceived)
	}
	d := links(t, fibreAndCable)
	b.Set(d)
	expectShare(t, "with a verdict that changed at the bound", h, d, 256, 0)
	b.take([]client.Entry{verdict("cable", true)})
	if len(b.received) != 1 {
		t.Errorf("%d verdicts are remembered, want that of the last list", len(b.received))
	}
}

func TestActiveFollowsProbes(t *testing.T) {
	b, h := newBalancer(t)
	d := links(t, fibreAndCable)
	b.Set(d)
	expectShare(t, "at first", h, d, 192, 64)
	probe := func(times int, reason string) {
		for range times {
			b.probed("fibre", 0, reason)
		}
		b.settle(t.Context())
	}
	probe(9, "no answer")
	expectShare(t, "with probes that a standby does not send", h, d, 192, 64)
	b.Become(true)
	b.Become(true)
	probe(2, "no answer")
	expectShare(t, "after two failures", h, d, 192, 64)
	probe(1, "no answer")
	expectShare(t, "after three failures", h, d, 0, 256)
	want := []contract.LinkStatus{{Name: "fibre", Reason: "no answer"}, {Name: "cable", IsUp: true, Weight: 1}}
	if got := b.Status(); !slices.Equal(got, want) {
		t.Errorf("the status is %v, want %v", got, want)
	}
	if got := fmt.Sprint(b.entries()); !strings.Contains(got, "fibre") || b.verdicts()["fibre"].IsReached {
		t.Errorf("the other unit gets %s", got)
	}
	probe(2, "")
	expectShare(t, "after two successes", h, d, 192, 64)
	if !slices.Equal(h.ended, []string{"fibre"}) {
		t.Errorf("the connections of %v were ended", h.ended)
	}
	writes := h.writes
	b.settle(t.Context())
	if h.writes != writes {
		t.Errorf("%d slots were written again, although nothing has changed", h.writes-writes)
	}
}

// The carrier is the unit's own. It is never part of a verdict for the other unit.
func TestCarrier(t *testing.T) {
	b, h := newBalancer(t)
	d := links(t, fibreAndCable)
	h.cut["wan1"] = true
	b.Become(true)
	b.Set(d)
	expectShare(t, "without a carrier", h, d, 0, 256)
	if v := b.verdicts()["fibre"]; !v.IsReached || v.Weight != 0 {
		t.Errorf("the verdict is %+v", v)
	}
	if got := b.Status()[0]; got.IsUp || !strings.Contains(got.Reason, "wan1 has no carrier") {
		t.Errorf("the status is %+v", got)
	}
	h.cut["wan2"] = true
	b.settle(t.Context())
	expectShare(t, "without any carrier", h, d, 192, 64)
	h.cut["wan1"] = false
	b.settle(t.Context())
	expectShare(t, "with a carrier again", h, d, 256, 0)
}

func TestVerdictsStayWithAnotherDocument(t *testing.T) {
	b, h := newBalancer(t)
	b.Become(true)
	b.Set(links(t, fibreAndCable))
	for range 3 {
		b.probed("cable", 0, "no answer")
	}
	d := links(t, strings.Replace(fibreAndCable, "weight: 3", "weight: 7", 1)+
		", {name: radio, interface: wan2, gateways: [198.51.100.253]}")
	b.Set(d)
	expectShare(t, "with another document", h, d, 224, 0, 32)
	b.Set(links(t, fibre))
	if len(b.Status()) != 1 || b.verdicts()["cable"].IsReached {
		t.Errorf("the status is %v", b.Status())
	}
}

func TestRefusedSlotsAreReportedAndTriedAgain(t *testing.T) {
	b, h := newBalancer(t)
	h.refuses = errors.New("no set")
	d := links(t, fibreAndCable)
	b.fault.After = 0
	b.Set(d)
	if next := b.settle(t.Context()); next != retryInterval || !strings.Contains(b.Fault(), "spec.wan: no set") {
		t.Errorf("the next look is after %s, the fault is %q", next, b.Fault())
	}
	h.refuses = nil
	if next := b.settle(t.Context()); next != lookInterval || b.Fault() != "" {
		t.Errorf("the next look is after %s, the fault is %q", next, b.Fault())
	}
	expectShare(t, "at last", h, d, 192, 64)
}

func TestSourceOfProbes(t *testing.T) {
	link := links(t, fibre).WAN.Links[0]
	all := []netip.Prefix{
		netip.MustParsePrefix("10.9.9.9/24"),
		netip.MustParsePrefix("203.0.113.2/24"), netip.MustParsePrefix("203.0.113.1/24"),
		netip.MustParsePrefix("fe80::9/64"), netip.MustParsePrefix("2001:db8::9/64"),
	}
	translated := []netip.Addr{netip.MustParseAddr("203.0.113.1")}
	for name, c := range map[string]struct {
		host         string
		addresses    []netip.Prefix
		translations []netip.Addr
		want         string
	}{
		"that of translations": {"192.0.2.1", all, translated, "203.0.113.1"},
		"on the gateway's":     {"192.0.2.1", all, nil, "203.0.113.2"},
		"any other":            {"192.0.2.1", all[:1], translated, "10.9.9.9"},
		"IPv6":                 {"2001:db8::1", all, translated, "2001:db8::9"},
		"none":                 {"2001:db8::1", all[:4], translated, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sourceOf(netip.MustParseAddr(c.host), link, c.addresses, c.translations); got.String() != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
