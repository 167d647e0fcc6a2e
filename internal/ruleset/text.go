package ruleset

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// String returns the ruleset in the language of nft.
func (r Ruleset) String() string {
	var blocks []string
	for _, h := range r.Helpers {
		blocks = append(blocks, block("ct helper "+h.Name, h.lines()...))
	}
	for _, s := range r.DynamicSets {
		blocks = append(blocks, block(s.kind()+" "+s.Name, s.lines()...))
	}
	for _, s := range r.InterfaceSets {
		blocks = append(blocks, block("set "+s.Name, "type ifname", elements(quote(s.Interfaces))))
	}
	for _, s := range r.AddressSets {
		blocks = append(blocks, block("set "+s.Name, s.lines()...))
	}
	for _, s := range r.PortSets {
		blocks = append(blocks, block("set "+s.Name, "type inet_service; flags interval", elements(texts(s.Runs))))
	}
	for _, m := range r.PathMaps {
		blocks = append(blocks, block("map "+m.Name, "type "+m.keyType()+" : mark", elements(texts(m.Paths))))
	}
	for _, m := range r.SegmentMaps {
		blocks = append(blocks, block("map "+m.Name, m.lines()...))
	}
	for _, c := range r.SourceCaches {
		blocks = append(blocks, block("set "+c.Name, c.lines()...))
	}
	for _, c := range r.AllChains() {
		blocks = append(blocks, block("chain "+c.Name, c.lines()...))
	}
	return "table inet " + r.Table + " {\n" + strings.Join(blocks, "\n") + "}\n"
}

func block(name string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\t%s {\n", name)
	for _, line := range lines {
		fmt.Fprintf(&b, "\t\t%s\n", line)
	}
	b.WriteString("\t}\n")
	return b.String()
}

// lines returns the set. It only names the interface whose networks are known where the ruleset is applied.
func (s AddressSet) lines() []string {
	lines := []string{s.Family.setType(), elements(texts(s.Runs))}
	if s.NetworksOf != "" {
		lines = append(lines, "# and the networks of "+s.NetworksOf)
	}
	return lines
}

// lines returns the map. It leaves out interfaces whose size is only known where the ruleset is applied.
func (m SegmentMap) lines() []string {
	lines := []string{"typeof iifname : tcp option maxseg size"}
	var sizes []string
	for _, i := range m.Interfaces {
		if i.MTU != 0 {
			sizes = append(sizes, fmt.Sprintf("%q : %d", i.Interface, m.Family.SegmentSize(int(i.MTU))))
		}
	}
	if len(sizes) > 0 {
		lines = append(lines, elements(sizes))
	}
	return lines
}

// lines returns the type of the helper, which works for both families.
func (h Helper) lines() []string {
	protocol := "tcp"
	if h.Protocol == UDP {
		protocol = "udp"
	}
	return []string{fmt.Sprintf("type %q protocol %s", h.Type, protocol), "l3proto inet"}
}

// lines returns the set without elements.
func (c SourceCache) lines() []string {
	return []string{
		"type iface_index . " + c.Family.addressType(), fmt.Sprintf("size %d", SourceCacheSize), "flags dynamic,timeout",
		fmt.Sprintf("timeout %s", SourceCacheLifetime),
	}
}

// keyType returns the type of the map's keys in nft.
func (m PathMap) keyType() string {
	if m.ToUnit {
		return "ifname"
	}
	return "ifname . ifname"
}

// String returns the path as an element of a map.
func (p Path) String() string {
	if p.Out == "" {
		return fmt.Sprintf("%q : %#08x", p.In, p.Mark)
	}
	return fmt.Sprintf("%q . %q : %#08x", p.In, p.Out, p.Mark)
}

func elements(values []string) string { return "elements = { " + strings.Join(values, ", ") + " }" }

func (c Chain) lines() (lines []string) {
	if c.Hook != nil {
		lines = append(lines, c.Hook.String())
	}
	return append(lines, texts(c.Rules)...)
}

// String returns the rule on one line.
func (r Rule) String() string { return strings.Join(texts(r), " ") }

// String returns the hook with its priority among others at the same point.
func (h Hook) String() string {
	kind, priority := "filter", "filter"
	switch {
	case h.Raw:
		priority = "raw"
	case h.Mangle:
		priority = "mangle"
	case h.Late:
		priority = "security"
	}
	if h.NAT {
		kind, priority = "nat", "srcnat"
		if h.Point == Prerouting {
			priority = "dstnat"
		}
		if h.Late {
			priority += " + 1"
		}
	}
	policy := "accept"
	if h.Drops {
		policy = "drop"
	}
	return fmt.Sprintf("type %s hook %s priority %s; policy %s;", kind, h.Point, priority, policy)
}

// String returns the name of the hook point in nft.
func (p HookPoint) String() string {
	return [...]string{"prerouting", "input", "forward", "output", "postrouting"}[p]
}

// String returns the range as an address, a prefix or a range.
func (r AddressRun) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	if prefix, ok := r.prefix(); ok {
		return prefix.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// prefix returns the range as a prefix, and whether it is one.
func (r AddressRun) prefix() (netip.Prefix, bool) {
	first, last := r.First.AsSlice(), r.Last.AsSlice()
	bits := 0
	for bits < r.First.BitLen() && bit(first, bits) == bit(last, bits) {
		bits++
	}
	for i := bits; i < r.First.BitLen(); i++ {
		if bit(first, i) != 0 || bit(last, i) != 1 {
			return netip.Prefix{}, false
		}
	}
	return netip.PrefixFrom(r.First, bits), true
}

func bit(bytes []byte, i int) byte { return bytes[i/8] >> (7 - i%8) & 1 }

// String returns the range as a port or a range.
func (r PortRun) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

func (f Family) setType() string {
	return "type " + f.addressType() + "; flags interval"
}

func (f Family) addressType() string {
	if f == IPv4 {
		return "ipv4_addr"
	}
	return "ipv6_addr"
}

func texts[T fmt.Stringer](values []T) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}

func quote(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, strconv.Quote(name))
	}
	return out
}
