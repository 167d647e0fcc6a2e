package dynamicrouting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// maxMetric is the greatest metric of a route that is replicated. The upper byte is the distance of a held one.
const maxMetric = 1<<24 - 1

// key identifies a route on both units.
type key struct {
	to     netip.Prefix
	metric uint32
}

// encode returns the metric, the length of the prefix, and the address.
func (k key) encode() string {
	b := binary.BigEndian.AppendUint32(nil, k.metric)
	return string(append(append(b, byte(k.to.Bits())), k.to.Addr().AsSlice()...))
}

func parseKey(text string) (key, error) {
	const head = 5
	if len(text) < head {
		return key{}, fmt.Errorf("a key of %d bytes", len(text))
	}
	metric, bits := binary.BigEndian.Uint32([]byte(text[:4])), int(text[4])
	address, ok := netip.AddrFromSlice([]byte(text[head:]))
	k := key{to: netip.PrefixFrom(address, bits), metric: metric}
	switch {
	case !ok || !k.to.IsValid() || k.to != k.to.Masked():
		return key{}, errors.New("the destination is no prefix")
	case address.IsMulticast() || address.IsLoopback() || address.Is4In6() || address.IsLinkLocalUnicast():
		return key{}, fmt.Errorf("no router forwards to %s", k.to)
	case metric > maxMetric:
		return key{}, fmt.Errorf("metric %d, want at most %d", metric, maxMetric)
	default:
		return k, nil
	}
}

// value is what a route has, other than its key.
type value struct {
	kind rtnetlink.RouteType
	hops []hop
}

// hop is a next hop. Interfaces have the same names on both units, but not the same numbers.
type hop struct {
	device string
	via    netip.Addr
	weight int
}

const (
	// maxHops bounds the next hops of a route.
	maxHops = 64
	// maxDevice is the longest name of an interface.
	maxDevice = unix.IFNAMSIZ - 1
)

// encode returns the type, the number of next hops, and for each the weight, the router and the interface. The latter
// two have a length before them.
func (v value) encode() []byte {
	b := []byte{byte(v.kind), byte(len(v.hops))}
	for _, h := range v.hops {
		via := h.via.AsSlice()
		b = append(append(b, byte(h.weight-1), byte(len(via))), via...)
		b = encoding.AppendText(b, h.device)
	}
	return b
}

func parseValue(record []byte) (value, error) {
	d := encoding.NewDecoder(record)
	v, hops := value{kind: rtnetlink.RouteType(d.Uint8())}, d.Uint8()
	if hops > maxHops {
		return value{}, fmt.Errorf("%d next hops, want at most %d", hops, maxHops)
	}
	for range hops {
		h, err := parseHop(&d)
		if err != nil {
			return value{}, err
		}
		v.hops = append(v.hops, h)
	}
	if err := d.End(); err != nil {
		return value{}, err
	}
	return v, v.check()
}

func parseHop(d *encoding.Decoder) (h hop, err error) {
	h.weight = int(d.Uint8()) + 1
	if n := d.Uint8(); n > 0 {
		var isAddress bool
		if h.via, isAddress = netip.AddrFromSlice(d.Take(int(n))); !isAddress {
			return hop{}, fmt.Errorf("a router with an address of %d bytes", n)
		}
	}
	var isShort bool
	if h.device, isShort = d.Text(maxDevice); !isShort {
		return hop{}, errors.New("the name of an interface is too long")
	}
	return h, nil
}

// check returns why no unit can have such a route; nil if one can.
func (v value) check() error {
	isDrop := v.kind == rtnetlink.Blackhole || v.kind == rtnetlink.Unreachable || v.kind == rtnetlink.Prohibit
	switch {
	case v.kind != rtnetlink.Unicast && !isDrop:
		return fmt.Errorf("a route of %s", v.kind)
	case isDrop != (len(v.hops) == 0):
		return fmt.Errorf("a route of type %s with %d next hops", v.kind, len(v.hops))
	case len(v.hops) > maxHops:
		return fmt.Errorf("%d next hops, want at most %d", len(v.hops), maxHops)
	}
	for _, h := range v.hops {
		if h.device == "" || len(h.device) > maxDevice {
			return fmt.Errorf("the name of an interface has %d bytes", len(h.device))
		}
		if h.via.IsValid() && (h.via.IsUnspecified() || h.via.IsMulticast() || h.via.IsLoopback() || h.via.Is4In6()) {
			return fmt.Errorf("%s is no router", h.via)
		}
	}
	return nil
}

// codec merges records. A record always has the whole route.
type codec struct{}

// Merge returns the newer record.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
