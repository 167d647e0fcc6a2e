package neighbours

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// key identifies an entry on both units. Interfaces have the same names on both, but not the same numbers.
type key struct {
	device  string
	address netip.Addr
}

// encode returns the length of the address, the address, and the name of the interface.
func (k key) encode() string {
	address := k.address.AsSlice()
	return string(append(append([]byte{byte(len(address))}, address...), k.device...))
}

// maxDevice is the longest name of an interface.
const maxDevice = unix.IFNAMSIZ - 1

func parseKey(text string) (key, error) {
	if len(text) == 0 {
		return key{}, errors.New("the key is empty")
	}
	length, rest := int(text[0]), text[1:]
	if length != 4 && length != 16 || len(rest) <= length || len(rest) > length+maxDevice {
		return key{}, fmt.Errorf("a key of %d bytes with an address of %d", len(text), length)
	}
	address, _ := netip.AddrFromSlice([]byte(rest[:length]))
	return key{device: rest[length:], address: address}, nil
}

// value is what an entry has, other than its key.
type value struct {
	mac      rtnetlink.MAC
	state    entryState
	flags    rtnetlink.NeighbourFlags
	protocol uint8
}

// entryState is the state of an entry on the stream.
type entryState uint8

const (
	permanent entryState = iota
	noARP
	learned
	states
)

const recordBytes = len(rtnetlink.MAC{}) + 3

func (v value) encode() []byte {
	return append(v.mac[:], byte(v.state), byte(v.flags), v.protocol)
}

func parseValue(record []byte) (value, error) {
	if len(record) != recordBytes {
		return value{}, fmt.Errorf("a record of %d bytes, must be %d", len(record), recordBytes)
	}
	v := value{
		mac: rtnetlink.MAC(record), state: entryState(record[6]),
		flags: rtnetlink.NeighbourFlags(record[7]), protocol: record[8],
	}
	switch {
	case v.state >= states:
		return value{}, fmt.Errorf("unknown state %d", v.state)
	case v.flags&^replicatedFlags != 0:
		return value{}, fmt.Errorf("unknown flags %#x", v.flags)
	case !isUnicast(v.mac):
		return value{}, fmt.Errorf("%s is not a unicast MAC address", v.mac)
	default:
		return v, nil
	}
}

// codec merges records. A record always has the whole entry.
type codec struct{}

// Merge returns the newer record.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
