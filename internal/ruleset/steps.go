package ruleset

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
	metaInInterface       MetaKey = 6
	metaOutInterface      MetaKey = 7
	metaFamily            MetaKey = 15
	metaTransportProtocol MetaKey = 16
)

// LoadConnection loads a property of the packet's connection.
type LoadConnection struct{ Key ConnectionKey }

// ConnectionKey is a property of a connection, by its number in enum nft_ct_keys.
type ConnectionKey uint32

// connectionState is a set of bits, in the byte order of the machine.
const connectionState ConnectionKey = 0

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

// Mask clears the bits of the loaded value that are not in Bits.
type Mask struct{ Bits []byte }

// Equal demands that the loaded value is Value.
type Equal struct{ Value []byte }

// NotEqual demands that the loaded value is not Value.
type NotEqual struct{ Value []byte }

// InSet demands that the loaded value is in a set.
type InSet struct{ Set string }

func (LoadMeta) step()       {}
func (LoadConnection) step() {}
func (LoadHeader) step()     {}
func (Mask) step()           {}
func (Equal) step()          {}
func (NotEqual) step()       {}
func (InSet) step()          {}
