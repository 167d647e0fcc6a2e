package connectioncache

import (
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// parts selects connections of classes that the pair does not replicate: the control connections, by their helper, and
// those that a helper announced, by their label. The firewall sets the labels.
type parts struct {
	helpers []string
	labels  [conntrack.LabelsSize]byte
}

// partsOf are the classes that have connections of their own, by the label of these.
var partsOf = map[contract.Label]state.Class{
	contract.LabelRTSP:     state.RTSP,
	contract.LabelVoIP:     state.VoIP,
	contract.LabelIPHelper: state.IPHelper,
}

// partsWithout returns the connections of the classes that are not replicated.
func partsWithout(replicated []state.Class) (p parts) {
	for label, of := range partsOf {
		if slices.Contains(replicated, of) {
			continue
		}
		for i, b := range label.Bits() {
			p.labels[i] |= b
		}
		p.helpers = append(p.helpers, contract.HelpersOf(label)...)
	}
	return p
}

// have reports whether the helper or the labels of a connection show that it is one of the parts. An event may have
// neither.
func (p *parts) have(f *conntrack.Flow) bool {
	if f.Fields.Has(conntrack.FieldHelper) && slices.Contains(p.helpers, f.Helper) {
		return true
	}
	if f.Fields.Has(conntrack.FieldLabels) {
		for i, b := range p.labels {
			if f.Labels[i]&b != 0 {
				return true
			}
		}
	}
	return false
}

// relayPorts are the ports of DHCP (RFC 2131), of DHCPv6 (RFC 8415), and of the names and datagrams of NetBIOS (RFC
// 1002).
var relayPorts = []uint16{67, 68, 137, 138, 546, 547}

// The ports of clients of dynamic WAN links: L2TP (RFC 2661), and the control connection of PPTP (RFC 2637), which
// sends its data by GRE. PPPoE has no connections.
const (
	portL2TP = 1701
	portPPTP = 1723
)

// isOfProcess reports whether a connection is one of a program on the unit with a virtual address, whose state is in
// its process: a relay or server of class IPHelper, or a client of class DynamicWANClients. A connection that only
// passes the unit is not.
func (f *filter) isOfProcess(flow *conntrack.Flow) bool {
	orig, reply := &flow.Orig, &flow.Reply
	has := func(port uint16) bool { return orig.SrcPort == port || orig.DstPort == port }
	switch orig.Protocol {
	case conntrack.ProtocolUDP:
		if !has(portL2TP) && !slices.ContainsFunc(relayPorts, has) {
			return false
		}
	case conntrack.ProtocolTCP:
		if !has(portPPTP) {
			return false
		}
	case conntrack.ProtocolGRE:
	default:
		return false
	}
	return f.own.IsVirtual(orig.Src) || f.own.IsVirtual(orig.Dst) && reply.Src == orig.Dst
}
