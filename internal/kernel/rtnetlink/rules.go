package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Action is what a rule does with the packets that it matches (fib_rules.h).
type Action uint8

// The actions of rules that are set here. Lists have others too.
const (
	// Lookup looks the destination up in the rule's table. If it is not there, the next rule is tried.
	Lookup Action = 1
	// RefuseSilently ends the lookup, and the packet is dropped without an error to its sender.
	RefuseSilently Action = 6
	// RefuseUnreachable ends the lookup: there is no route.
	RefuseUnreachable Action = 7
)

// Rule selects a routing table for some packets of one family. Two rules are equal if == holds. A zero field matches
// every packet.
type Rule struct {
	IPv6 bool
	// Priority orders the rules. The lowest comes first.
	Priority uint32
	// Action is Lookup if it is zero.
	Action Action
	Table  uint32
	// MinBits is the length of the shortest prefix that a lookup accepts. After a shorter one, the next rule is tried.
	MinBits uint8
	// In and Out are the names of interfaces. Out matches lookups of sockets that are bound to the interface.
	In, Out  string
	From, To netip.Prefix
	// Mark is compared with those bits of the packet's mark that are set in Mask.
	Mark, Mask uint32
	// Transport is the number of a protocol above IP.
	Transport uint8
	// Ports are destination ports. For ICMP, a port has the type in its upper byte and the code in its lower.
	Ports PortRange
	// Protocol is the number of who made the rule.
	Protocol uint8
	// further is set on a listed rule that has conditions without a field here. No caller can want such a rule.
	further bool
}

// PortRange is a range of ports, with both ends. Zero is every port.
type PortRange struct{ First, Last uint16 }

// String returns the rule in the form of ip.
func (r Rule) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d:", r.Priority)
	if r.From.IsValid() {
		fmt.Fprintf(&text, " from %s", r.From)
	}
	if r.To.IsValid() {
		fmt.Fprintf(&text, " to %s", r.To)
	}
	if r.Mask != 0 {
		fmt.Fprintf(&text, " fwmark %#x/%#x", r.Mark, r.Mask)
	}
	if r.In != "" {
		fmt.Fprintf(&text, " iif %s", r.In)
	}
	if r.Out != "" {
		fmt.Fprintf(&text, " oif %s", r.Out)
	}
	if r.Transport != 0 {
		fmt.Fprintf(&text, " ipproto %d dport %d-%d", r.Transport, r.Ports.First, r.Ports.Last)
	}
	switch r.Action {
	case RefuseSilently:
		text.WriteString(" blackhole")
	case RefuseUnreachable:
		text.WriteString(" unreachable")
	default:
		fmt.Fprintf(&text, " lookup %d", r.Table)
	}
	if r.MinBits != 0 {
		fmt.Fprintf(&text, " suppress_prefixlength %d", r.MinBits-1)
	}
	if r.IPv6 {
		text.WriteString(" of IPv6")
	}
	return text.String()
}

func (r Rule) normalized() Rule {
	if r.Action == 0 {
		r.Action = Lookup
	}
	if r.From.IsValid() {
		r.From = r.From.Masked()
	}
	if r.To.IsValid() {
		r.To = r.To.Masked()
	}
	return r
}

// listedRule is a rule and the message in which the kernel listed it, which identifies it for removal.
type listedRule struct {
	Rule
	message []byte
}

// Rules returns the rules of both families, of every protocol, in their order for each family.
func (c *Conn) Rules() ([]Rule, error) {
	listed, err := c.listRules()
	if err != nil {
		return nil, err
	}
	rules := make([]Rule, len(listed))
	for n, l := range listed {
		rules[n] = l.Rule
	}
	return rules, nil
}

func (c *Conn) listRules() ([]listedRule, error) {
	var all []listedRule
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		messages, err := c.dumpOf(unix.RTM_GETRULE, unix.RTM_NEWRULE, &nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
		if err != nil {
			return nil, fmt.Errorf("listing rules: %w", err)
		}
		for _, m := range messages {
			rule, err := decodeRule(m)
			if err != nil {
				return nil, fmt.Errorf("listing rules: %w", err)
			}
			if rule.IPv6 == (family == unix.AF_INET6) { // a kernel without IPv6 lists IPv4 instead
				all = append(all, listedRule{Rule: rule, message: m})
			}
		}
	}
	return all, nil
}

// SetRules makes wanted the only rules of the protocol, of both families, and leaves rules of other protocols alone.
// Each wanted rule gets that protocol. It adds rules before it removes others. It continues after an error, and returns
// whether it changed anything and an error for each rule that is not as wanted. The error of a rule that is missing is
// a *RuleError.
func (c *Conn) SetRules(protocol uint8, wanted []Rule) (changed bool, err error) {
	missing := make([]Rule, 0, len(wanted))
	for _, w := range wanted {
		w.Protocol = protocol
		missing = append(missing, w.normalized())
	}
	present, err := c.listRules()
	if err != nil {
		return false, err
	}
	var excess []listedRule
	for _, p := range present {
		if n := slices.Index(missing, p.Rule); n >= 0 {
			missing = slices.Delete(missing, n, n+1)
		} else if p.Protocol == protocol {
			excess = append(excess, p)
		}
	}
	var errs []error
	for _, m := range missing {
		errs = append(errs, c.addRule(m))
	}
	for _, e := range excess {
		errs = append(errs, c.removeRule(e))
	}
	return len(missing)+len(excess) > 0, errors.Join(errs...)
}

// AddRules adds those of the wanted rules that are missing, each with the protocol. It leaves all other rules alone,
// also those of the protocol. It continues after an error, and returns whether it changed anything.
func (c *Conn) AddRules(protocol uint8, wanted []Rule) (changed bool, err error) {
	present, err := c.listRules()
	if err != nil {
		return false, err
	}
	var errs []error
	for _, w := range wanted {
		w.Protocol = protocol
		w = w.normalized()
		if !slices.ContainsFunc(present, func(p listedRule) bool { return p.Rule == w }) {
			changed = true
			errs = append(errs, c.addRule(w))
		}
	}
	return changed, errors.Join(errs...)
}

// RemoveRules removes rules that Rules has returned. It continues after an error, and returns those that it has
// removed. Removing an absent rule succeeds.
func (c *Conn) RemoveRules(rules []Rule) (removed []Rule, err error) {
	if len(rules) == 0 {
		return nil, nil
	}
	present, err := c.listRules()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range present {
		if !slices.Contains(rules, p.Rule) {
			continue
		}
		if err := c.removeRule(p); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, p.Rule)
	}
	return removed, errors.Join(errs...)
}

func (c *Conn) addRule(r Rule) error {
	flags := unix.NLM_F_CREATE | unix.NLM_F_EXCL | unix.NLM_F_ACK
	_, err := c.request(unix.RTM_NEWRULE, flags, ruleRequest(r)...).Execute(unix.NETLINK_ROUTE, 0)
	// EEXIST: there is the same rule of another protocol, which does as well.
	if err != nil && !errors.Is(err, unix.EEXIST) && !isWithoutIPv6(r.IPv6, err) {
		return &RuleError{Rule: r, Err: err}
	}
	return nil
}

// RuleError is the refusal of a rule.
type RuleError struct {
	// Rule is the rule as the kernel would list it.
	Rule Rule
	Err  error
}

// Error returns the rule and the reason.
func (e *RuleError) Error() string { return fmt.Sprintf("adding rule %s: %v", e.Rule, e.Err) }

// Unwrap returns the reason.
func (e *RuleError) Unwrap() error { return e.Err }

func (c *Conn) removeRule(r listedRule) error {
	_, err := c.request(unix.RTM_DELRULE, unix.NLM_F_ACK, raw(r.message)).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing rule %s: %w", r.Rule, err)
	}
	return nil
}

// ruleRequest returns the message and attributes that add the rule.
func ruleRequest(r Rule) []nl.NetlinkRequestData {
	header := nl.NewRtMsg() // struct fib_rule_hdr has the layout of struct rtmsg
	header.Family, header.Type, header.Protocol, header.Table = unix.AF_INET, uint8(r.Action), 0, unix.RT_TABLE_UNSPEC
	if r.IPv6 {
		header.Family = unix.AF_INET6
	}
	data := []nl.NetlinkRequestData{
		header,
		nl.NewRtAttr(nl.FRA_PRIORITY, nl.Uint32Attr(r.Priority)),
		nl.NewRtAttr(nl.FRA_PROTOCOL, nl.Uint8Attr(r.Protocol)),
	}
	if r.Table != 0 {
		data = append(data, nl.NewRtAttr(nl.FRA_TABLE, nl.Uint32Attr(r.Table)))
	}
	if r.MinBits != 0 {
		data = append(data, nl.NewRtAttr(nl.FRA_SUPPRESS_PREFIXLEN, nl.Uint32Attr(uint32(r.MinBits)-1)))
	}
	if r.From.IsValid() {
		header.Src_len = uint8(r.From.Bits())
		data = append(data, nl.NewRtAttr(nl.FRA_SRC, r.From.Addr().AsSlice()))
	}
	if r.To.IsValid() {
		header.Dst_len = uint8(r.To.Bits())
		data = append(data, nl.NewRtAttr(nl.FRA_DST, r.To.Addr().AsSlice()))
	}
	if r.In != "" {
		data = append(data, nl.NewRtAttr(nl.FRA_IIFNAME, nl.ZeroTerminated(r.In)))
	}
	if r.Out != "" {
		data = append(data, nl.NewRtAttr(nl.FRA_OIFNAME, nl.ZeroTerminated(r.Out)))
	}
	if r.Mask != 0 {
		data = append(data,
			nl.NewRtAttr(nl.FRA_FWMARK, nl.Uint32Attr(r.Mark)), nl.NewRtAttr(nl.FRA_FWMASK, nl.Uint32Attr(r.Mask)))
	}
	if r.Transport != 0 {
		data = append(data, nl.NewRtAttr(nl.FRA_IP_PROTO, nl.Uint8Attr(r.Transport)))
	}
	if r.Ports != (PortRange{}) {
		ports := binary.NativeEndian.AppendUint16(nil, r.Ports.First)
		data = append(data, nl.NewRtAttr(nl.FRA_DPORT_RANGE, binary.NativeEndian.AppendUint16(ports, r.Ports.Last)))
	}
	return data
}

// decodeRule decodes a message of type RTM_NEWRULE.
func decodeRule(message []byte) (Rule, error) {
	if len(message) < unix.SizeofRtMsg {
		return Rule{}, fmt.Errorf("a rule of %d bytes", len(message))
	}
	header := nl.DeserializeRtMsg(message)
	attributes, err := nl.ParseRouteAttr(message[unix.SizeofRtMsg:])
	if err != nil {
		return Rule{}, err
	}
	r := Rule{
		IPv6: header.Family == unix.AF_INET6, Action: Action(header.Type), Table: uint32(header.Table),
		further: header.Tos != 0 || header.Flags&fibRuleInvert != 0,
	}
	for _, a := range attributes {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case nl.FRA_PRIORITY:
			r.Priority = number(a.Value)
		case nl.FRA_PROTOCOL:
			r.Protocol = a.Value[0]
		case nl.FRA_TABLE:
			r.Table = number(a.Value)
		case nl.FRA_SRC:
			r.From = prefixFrom(a.Value, header.Src_len)
		case nl.FRA_DST:
			r.To = prefixFrom(a.Value, header.Dst_len)
		case nl.FRA_IIFNAME:
			r.In = unix.ByteSliceToString(a.Value)
		case nl.FRA_OIFNAME:
			r.Out = unix.ByteSliceToString(a.Value)
		case nl.FRA_FWMARK:
			r.Mark = number(a.Value)
		case nl.FRA_FWMASK:
			r.Mask = number(a.Value)
		case nl.FRA_IP_PROTO:
			r.Transport = a.Value[0]
		case nl.FRA_DPORT_RANGE:
			if len(a.Value) == 4 {
				r.Ports = PortRange{binary.NativeEndian.Uint16(a.Value), binary.NativeEndian.Uint16(a.Value[2:])}
			}
		case nl.FRA_SUPPRESS_PREFIXLEN:
			// The kernel gives suppressNothing to a rule without a limit, so that the sum is zero.
			r.MinBits = uint8(number(a.Value) + 1)
		case nl.FRA_SUPPRESS_IFGROUP:
			r.further = r.further || number(a.Value) != suppressNothing
		default:
			r.further = true
		}
	}
	return r, nil
}

const (
	// fibRuleInvert marks a rule for what does not match its conditions (FIB_RULE_INVERT).
	fibRuleInvert = 2
	// suppressNothing is the value of a limit that a rule does not have.
	suppressNothing = 0xffffffff
)

// number returns a 32-bit attribute, or zero for a shorter one.
func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

func prefixFrom(address []byte, bits uint8) netip.Prefix {
	a, _ := netip.AddrFromSlice(address)
	return netip.PrefixFrom(a, int(bits))
}
