package nftables

import (
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// Registers of the kernel's nftables machine. Each match loads a value into the first and compares it. A translation
// needs the second one for the port, next to the address, and so does a key of two values.
const (
	register     = 1
	registerNext = 2
	// registerBehind4 is the register behind the first four bytes of the first one (NFT_REG32_01).
	registerBehind4 = 9
	registerPort    = registerNext
)

// encode returns a rule as instructions of the kernel's nftables machine. They equal those of nft.
func (b *builder) encode(r ruleset.Rule) ([]expr.Any, error) {
	var all []expr.Any
	for _, step := range r.Steps() {
		encoded, err := b.encodeStep(step)
		if err != nil {
			return nil, err
		}
		all = append(all, encoded...)
	}
	return all, nil
}

func (b *builder) encodeStep(s ruleset.Step) ([]expr.Any, error) {
	switch s := s.(type) {
	case ruleset.LoadMeta, ruleset.LoadMetaNext, ruleset.LoadConnection, ruleset.LoadHeader,
		ruleset.LoadHeaderNext, ruleset.LoadRoute, ruleset.LoadValue, ruleset.LoadHeaderBehind,
		ruleset.LoadSequence, ruleset.Hash:
		return []expr.Any{encodeLoad(s)}, nil
	case ruleset.StoreMeta, ruleset.StoreConnection, ruleset.StoreSegmentSize, ruleset.SetHelper:
		return []expr.Any{encodeStore(s)}, nil
	case ruleset.Mask:
		return []expr.Any{&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: uint32(len(s.Bits)),
			Mask: s.Bits, Xor: make([]byte, len(s.Bits)),
		}}, nil
	case ruleset.SetBits:
		return []expr.Any{&expr.Bitwise{
			SourceRegister: register, DestRegister: register, Len: uint32(len(s.Bits)),
			Mask: inverse(s.Bits), Xor: s.Bits,
		}}, nil
	case ruleset.Equal, ruleset.NotEqual, ruleset.AtLeast, ruleset.AtMost:
		return []expr.Any{compare(s)}, nil
	case ruleset.InSet:
		return b.lookup(s.Set, false)
	case ruleset.MapTo:
		return b.lookup(s.Map, true)
	case ruleset.AddToSet, ruleset.UpdateSet:
		return b.add(s)
	case ruleset.Limit:
		return []expr.Any{&expr.Limit{
			Type: expr.LimitTypePkts, Rate: uint64(s.PerSecond), Unit: expr.LimitTimeSecond, Burst: s.Burst,
		}}, nil
	case ruleset.Log:
		return []expr.Any{&expr.Log{
			Key:   1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_SNAPLEN,
			Group: s.Group, Data: []byte(s.Prefix), Snaplen: ruleset.LogSnapLength,
		}}, nil
	case ruleset.Counter:
		return []expr.Any{&expr.Counter{}}, nil
	case ruleset.NoTrack:
		return []expr.Any{&expr.Notrack{}}, nil
	case ruleset.Accept, ruleset.Drop, ruleset.Return, ruleset.Jump, ruleset.Goto:
		return []expr.Any{verdict(s)}, nil
	case ruleset.SendToQueue:
		return []expr.Any{b.queueForm.encode(s)}, nil
	case ruleset.RejectTCP:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}, nil
	case ruleset.Reject:
		return []expr.Any{&expr.Reject{
			Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
		}}, nil
	case ruleset.SourceNAT:
		return translate(expr.NATTypeSourceNAT, ruleset.FamilyOf(s.Address), s.Address.AsSlice(), 0), nil
	case ruleset.TranslateLoaded:
		return []expr.Any{&expr.NAT{
			Type: expr.NATTypeDestNAT, Family: uint32(s.Family.Number()), RegAddrMin: register,
			RegProtoMin: registerBehind(s.Family.AddressBytes()), Specified: true,
		}}, nil
	case ruleset.DestinationNAT:
		return translate(expr.NATTypeDestNAT, ruleset.FamilyOf(s.Address), s.Address.AsSlice(), s.Port), nil
	}
	return nil, fmt.Errorf("no encoding for %T", s)
}

// lookup looks the loaded value up in a set, or in a map that replaces it.
func (b *builder) lookup(name string, isMap bool) ([]expr.Any, error) {
	set, ok := b.sets[name]
	if !ok {
		return nil, fmt.Errorf("no set %q", name)
	}
	lookup := &expr.Lookup{SourceRegister: register, SetName: set.Name, SetID: set.ID}
	if isMap {
		lookup.DestRegister, lookup.IsDestRegSet = register, true
	}
	return []expr.Any{lookup}, nil
}

// add adds the loaded value to a set.
func (b *builder) add(s ruleset.Step) ([]expr.Any, error) {
	added := &expr.Dynset{SrcRegKey: register, Operation: unix.NFT_DYNSET_OP_ADD}
	switch s := s.(type) {
	case ruleset.AddToSet:
		added.SetName = s.Set
	case ruleset.UpdateSet:
		added.SetName, added.Operation, added.Timeout = s.Set, unix.NFT_DYNSET_OP_UPDATE, s.Timeout
	default:
		return nil, fmt.Errorf("%T adds nothing to a set", s)
	}
	set, ok := b.sets[added.SetName]
	if !ok {
		return nil, fmt.Errorf("no set %q", added.SetName)
	}
	added.SetID = set.ID
	return []expr.Any{added}, nil
}

func encodeLoad(s ruleset.Step) expr.Any {
	switch s := s.(type) {
	case ruleset.LoadValue:
		return &expr.Immediate{Register: register, Data: s.Value}
	case ruleset.LoadMeta:
		return &expr.Meta{Key: expr.MetaKey(s.Key), Register: register}
	case ruleset.LoadMetaNext:
		return &expr.Meta{Key: expr.MetaKey(s.Key), Register: registerNext}
	case ruleset.LoadConnection:
		return &expr.Ct{Key: expr.CtKey(s.Key), Register: register}
	case ruleset.LoadRoute:
		return &expr.Fib{
			Register: register, FlagSADDR: s.Source, FlagDADDR: !s.Source, FlagMARK: s.Mark, FlagIIF: s.In,
			ResultADDRTYPE: s.Type, ResultOIF: !s.Type, FlagPRESENT: !s.Type,
		}
	case ruleset.LoadHeaderBehind:
		return &expr.Payload{
			DestRegister: registerBehind(s.Behind), Base: expr.PayloadBase(s.Header), Offset: s.Offset, Len: s.Length,
		}
	case ruleset.LoadSequence:
		return &expr.Numgen{Register: register, Modulus: s.Modulus, Type: unix.NFT_NG_INCREMENTAL}
	case ruleset.Hash:
		return &expr.Hash{
			SourceRegister: register, DestRegister: register, Length: s.Length, Modulus: s.Modulus, Seed: s.Seed,
			Type: expr.HashTypeJenkins,
		}
	case ruleset.LoadHeader:
		return load(expr.PayloadBase(s.Header), s.Offset, s.Length)
	case ruleset.LoadHeaderNext:
		return &expr.Payload{
			DestRegister: registerBehind4, Base: expr.PayloadBase(s.Header), Offset: s.Offset, Len: s.Length,
		}
	default:
		return nil
	}
}

func encodeStore(s ruleset.Step) expr.Any {
	switch s := s.(type) {
	case ruleset.SetHelper:
		return &expr.Objref{Type: unix.NFT_OBJECT_CT_HELPER, Name: s.Helper}
	case ruleset.StoreMeta:
		return &expr.Meta{Key: expr.MetaKey(s.Key), Register: register, SourceRegister: true}
	case ruleset.StoreConnection:
		return &expr.Ct{Key: expr.CtKey(s.Key), Register: register, SourceRegister: true}
	default:
		// The size follows the kind and the length of the option (RFC 9293).
		const segmentSize, offset, length = 2, 2, 2
		return &expr.Exthdr{
			SourceRegister: register, Type: segmentSize, Offset: offset, Len: length, Op: expr.ExthdrOpTcpopt,
		}
	}
}

func inverse(bits []byte) []byte {
	inverted := make([]byte, len(bits))
	for i, b := range bits {
		inverted[i] = ^b
	}
	return inverted
}

// compare compares the loaded value.
func compare(s ruleset.Step) expr.Any {
	switch s := s.(type) {
	case ruleset.NotEqual:
		return &expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: s.Value}
	case ruleset.AtLeast:
		return &expr.Cmp{Op: expr.CmpOpGte, Register: register, Data: s.Value}
	case ruleset.AtMost:
		return &expr.Cmp{Op: expr.CmpOpLte, Register: register, Data: s.Value}
	case ruleset.Equal:
		return equal(s.Value)
	default:
		return nil
	}
}

// verdict returns what becomes of the packet, or which chain continues.
func verdict(s ruleset.Step) expr.Any {
	switch s := s.(type) {
	case ruleset.Jump:
		return &expr.Verdict{Kind: expr.VerdictJump, Chain: s.Chain}
	case ruleset.Goto:
		return &expr.Verdict{Kind: expr.VerdictGoto, Chain: s.Chain}
	case ruleset.Accept:
		return &expr.Verdict{Kind: expr.VerdictAccept}
	case ruleset.Return:
		return &expr.Verdict{Kind: expr.VerdictReturn}
	default:
		return &expr.Verdict{Kind: expr.VerdictDrop}
	}
}

// registerBehind returns the register behind some bytes of the first one, as the kernel lists it. Registers of four
// bytes are numbered after those of sixteen (NFT_REG32_00).
func registerBehind(bytes uint32) uint32 {
	const word, wide, firstWord = 4, 16, 8
	if bytes%wide == 0 {
		return register + bytes/wide
	}
	return firstWord + bytes/word
}

func load(base expr.PayloadBase, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: base, Offset: offset, Len: length}
}

func equal(data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

func translate(kind expr.NATType, f ruleset.Family, address []byte, to uint16) []expr.Any {
	nat := &expr.NAT{Type: kind, Family: uint32(f.Number()), RegAddrMin: register}
	exprs := []expr.Any{&expr.Immediate{Register: register, Data: address}}
	if to != 0 {
		nat.RegProtoMin = registerPort
		nat.Specified = true
		exprs = append(exprs, &expr.Immediate{Register: registerPort, Data: port(to)})
	}
	return append(exprs, nat)
}
