package nftables

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// Registers of the kernel's nftables machine. Each match loads a value into the first and compares it. A translation
// needs the second one for the port, next to the address.
const (
	register     = 1
	registerPort = 2
)

// encode returns one match or action as instructions of the kernel's nftables machine. They equal those of nft.
func (b *builder) encode(e ruleset.Expression) ([]expr.Any, error) {
	switch e := e.(type) {
	case ruleset.InInterface:
		return b.lookup(&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: register}, e.Set)
	case ruleset.OutInterface:
		return b.lookup(&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: register}, e.Set)
	case ruleset.Source:
		return b.lookupAddress(e.Family, source, e.Set)
	case ruleset.Destination:
		return b.lookupAddress(e.Family, destination, e.Set)
	case ruleset.Port:
		return b.lookup(load(expr.PayloadBaseTransportHeader, 2, 2), e.Set)
	case ruleset.DestinationIs:
		family := ruleset.FamilyOf(e.Address)
		return append(isFamily(family), loadAddress(family, destination), equal(e.Address.AsSlice())), nil
	case ruleset.IsFamily:
		return isFamily(e.Family), nil
	case ruleset.Protocol:
		return isProtocol(e), nil
	case ruleset.HopLimit:
		return append(isFamily(ruleset.IPv6), load(expr.PayloadBaseNetworkHeader, 7, 1), equal([]byte{uint8(e)})), nil
	case ruleset.ICMPType:
		return append(isICMP(e.Family), load(expr.PayloadBaseTransportHeader, 0, 1), equal([]byte{e.Type})), nil
	case ruleset.ICMPMessage:
		return append(isICMP(e.Family), load(expr.PayloadBaseTransportHeader, 0, 2), equal([]byte{e.Type, e.Code})), nil
	case ruleset.NotSYN:
		return notSYN(), nil
	case ruleset.State:
		return hasState(e), nil
	default:
		return encodeAction(e)
	}
}

func encodeAction(e ruleset.Expression) ([]expr.Any, error) {
	switch e := e.(type) {
	case ruleset.Limit:
		return []expr.Any{&expr.Limit{
			Type: expr.LimitTypePkts, Rate: uint64(e.PerSecond), Unit: expr.LimitTimeSecond, Burst: e.Burst,
		}}, nil
	case ruleset.Log:
		return []expr.Any{&expr.Log{
			Key:   1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_SNAPLEN,
			Group: e.Group, Data: []byte(e.Prefix), Snaplen: ruleset.LogSnapLength,
		}}, nil
	case ruleset.Counter:
		return []expr.Any{&expr.Counter{}}, nil
	case ruleset.Accept:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}, nil
	case ruleset.Drop:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}, nil
	case ruleset.Return:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictReturn}}, nil
	case ruleset.Jump:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: e.Chain}}, nil
	case ruleset.Goto:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: e.Chain}}, nil
	case ruleset.RejectTCP:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}, nil
	case ruleset.Reject:
		return []expr.Any{&expr.Reject{
			Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
		}}, nil
	case ruleset.SourceNAT:
		return translate(expr.NATTypeSourceNAT, ruleset.FamilyOf(e.Address), e.Address.AsSlice(), 0), nil
	case ruleset.DestinationNAT:
		return translate(expr.NATTypeDestNAT, ruleset.FamilyOf(e.Address), e.Address.AsSlice(), e.Port), nil
	default:
		return nil, fmt.Errorf("no encoding for %T", e)
	}
}

func (b *builder) lookup(loading expr.Any, name string) ([]expr.Any, error) {
	set, ok := b.sets[name]
	if !ok {
		return nil, fmt.Errorf("no set %q", name)
	}
	return []expr.Any{loading, &expr.Lookup{SourceRegister: register, SetName: set.Name, SetID: set.ID}}, nil
}

func (b *builder) lookupAddress(f ruleset.Family, which side, name string) ([]expr.Any, error) {
	lookup, err := b.lookup(loadAddress(f, which), name)
	return append(isFamily(f), lookup...), err
}

// side selects the source or destination address of a packet.
type side int

const (
	source side = iota
	destination
)

// loadAddress loads an address from its position in RFC 791 or RFC 8200.
func loadAddress(f ruleset.Family, which side) expr.Any {
	if f == ruleset.IPv4 {
		return load(expr.PayloadBaseNetworkHeader, 12+4*uint32(which), 4)
	}
	return load(expr.PayloadBaseNetworkHeader, 8+16*uint32(which), 16)
}

func load(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: length}
}

func equal(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

func isFamily(f ruleset.Family) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, equal([]byte{protocolFamily(f)})}
}

func protocolFamily(f ruleset.Family) byte {
	if f == ruleset.IPv4 {
		return unix.NFPROTO_IPV4
	}
	return unix.NFPROTO_IPV6
}

func isProtocol(p ruleset.Protocol) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equal([]byte{uint8(p)})}
}

func isICMP(f ruleset.Family) []expr.Any {
	if f == ruleset.IPv4 {
		return append(isFamily(f), isProtocol(ruleset.ICMP)...)
	}
	return append(isFamily(f), isProtocol(ruleset.ICMPv6)...)
}

// notSYN tests the flags in the fourteenth byte of the TCP header.
func notSYN() []expr.Any {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10
	return append(isProtocol(ruleset.TCP),
		load(expr.PayloadBaseTransportHeader, 13, 1),
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{fin | syn | rst | ack}, Xor: []byte{0},
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: []byte{syn}})
}

// hasState tests one bit of the connection state, in native byte order.
func hasState(s ruleset.State) []expr.Any {
	bit := map[ruleset.State]uint32{
		ruleset.Established: expr.CtStateBitESTABLISHED,
		ruleset.Related:     expr.CtStateBitRELATED,
		ruleset.Invalid:     expr.CtStateBitINVALID,
	}[s]
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: register},
		&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: 4,
			Mask: binary.NativeEndian.AppendUint32(nil, bit), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: make([]byte, 4)},
	}
}

func translate(kind expr.NATType, f ruleset.Family, address []byte, to uint16) []expr.Any {
	nat := &expr.NAT{Type: kind, Family: uint32(protocolFamily(f)), RegAddrMin: register}
	exprs := []expr.Any{&expr.Immediate{Register: register, Data: address}}
	if to != 0 {
		nat.RegProtoMin = registerPort
		nat.Specified = true
		exprs = append(exprs, &expr.Immediate{Register: registerPort, Data: port(to)})
	}
	return append(exprs, nat)
}
