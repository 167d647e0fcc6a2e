package ruleset

import "time"

// Step is one instruction of the kernel's machine for rules (linux/netfilter/nf_tables.h). A load puts a value into the
// register. A comparison ends the rule if it fails. Every action is a step of its own.
//
//sumtype:decl
type Step interface{ step() }

// LoadMeta loads a property of the packet that is not in its headers.
type LoadMeta struct{ Key MetaKey }

// MetaKey is a property of a packet, by its number in enum nft_meta_keys.
type MetaKey uint32

// The properties in use.
const (
	metaMark              MetaKey = 3
	metaInIndex           MetaKey = 4
	metaInInterface       MetaKey = 6
	metaOutInterface      MetaKey = 7
	metaFamily            MetaKey = 15
	metaTransportProtocol MetaKey = 16
)

// LoadMetaNext loads a property into the register after the first, so that both are one key.
type LoadMetaNext struct{ Key MetaKey }

// StoreMeta sets a property of the packet to the loaded value.
type StoreMeta struct{ Key MetaKey }

// LoadConnection loads a property of the packet's connection.
type LoadConnection struct{ Key ConnectionKey }

// StoreConnection sets a property of the packet's connection to the loaded value.
type StoreConnection struct{ Key ConnectionKey }

// ConnectionKey is a property of a connection, by its number in enum nft_ct_keys.
type ConnectionKey uint32

// The properties in use. The state is a set of bits, in the byte order of the machine, and so is the mark.
const (
	connectionState     ConnectionKey = 0
	connectionDirection ConnectionKey = 1
	connectionMark      ConnectionKey = 3
	connectionHelper    ConnectionKey = 6
	connectionLabels    ConnectionKey = 13
)

// LoadRoute loads a result of the kernel's lookup of an address (enum nft_fib_flags and nft_fib_result).
type LoadRoute struct {
	// Source looks the packet's source up, and otherwise its destination.
	Source bool
	// Mark makes the lookup see the packet's mark. In demands the interface that the packet came from.
	Mark, In bool
	// Type loads the type of the address (linux/rtnetlink.h), and otherwise whether there is a route.
	Type bool
}

// LoadHeader loads Length bytes of a header.
type LoadHeader struct {
	Header         Header
	Offset, Length uint32
}

// Header is a header of a packet, by its number in enum nft_payload_bases.
type Header uint32

// The headers in use.
const (
	networkHeader   Header = 1
	transportHeader Header = 2
)

// LoadHeaderNext loads bytes of a header behind four loaded ones, so that both are one key.
type LoadHeaderNext LoadHeader

// LoadHeaderBehind loads bytes of a header behind Behind loaded ones, a multiple of four, so that all are one key.
type LoadHeaderBehind struct {
	LoadHeader
	Behind uint32
}

// TranslateLoaded translates the destination to the loaded address and the port behind it.
type TranslateLoaded struct{ Family Family }

// AddToSet adds the loaded value to a set to which rules may add. If the set is full, it ends the rule.
type AddToSet struct{ Set string }

// UpdateSet adds the loaded value to a dynamic set, or makes its time begin again. If the set is full, it ends the
// rule.
type UpdateSet struct {
	Set     string
	Timeout time.Duration
}

// Mask clears the bits of the loaded value that are not in Bits.
type Mask struct{ Bits []byte }

// SetBits sets bits of the loaded value.
type SetBits struct{ Bits []byte }

// LoadSequence loads the next number of a sequence that begins with 0 and repeats after Modulus numbers.
type LoadSequence struct{ Modulus uint32 }

// Hash replaces the loaded value of a length with its hash, a number below Modulus.
type Hash struct{ Length, Modulus, Seed uint32 }

// MapTo replaces the loaded value with the one that a map has for it, and demands that there is one.
type MapTo struct{ Map string }

// StoreSegmentSize lowers the maximum segment size of a TCP segment with SYN to the loaded value. The kernel never
// raises it.
type StoreSegmentSize struct{}

// LoadValue loads a constant.
type LoadValue struct{ Value []byte }

// Equal demands that the loaded value is Value.
type Equal struct{ Value []byte }

// NotEqual demands that the loaded value is not Value.
type NotEqual struct{ Value []byte }

// AtLeast demands that the loaded value, as a number in network byte order, is Value or greater.
type AtLeast struct{ Value []byte }

// AtMost demands that the loaded value, as a number in network byte order, is Value or less.
type AtMost struct{ Value []byte }

// InSet demands that the loaded value is in a set.
type InSet struct{ Set string }

func (LoadMeta) step()         {}
func (LoadMetaNext) step()     {}
func (StoreMeta) step()        {}
func (LoadConnection) step()   {}
func (StoreConnection) step()  {}
func (LoadRoute) step()        {}
func (LoadHeader) step()       {}
func (LoadHeaderNext) step()   {}
func (LoadHeaderBehind) step() {}
func (TranslateLoaded) step()  {}
func (AddToSet) step()         {}
func (UpdateSet) step()        {}
func (Mask) step()             {}
func (SetBits) step()          {}
func (LoadSequence) step()     {}
func (Hash) step()             {}
func (MapTo) step()            {}
func (StoreSegmentSize) step() {}
func (LoadValue) step()        {}
func (Equal) step()            {}
func (NotEqual) step()         {}
func (AtLeast) step()          {}
func (AtMost) step()           {}
func (InSet) step()            {}
