// Package pna reads what RealAudio clients send on their control connections (Progressive Networks Audio), for the UDP
// ports at which they wait for the media. It handles bytes and does no I/O.
//
// Progressive Networks described the protocol for makers of firewalls. The format follows libalias of FreeBSD and
// IP Filter.
package pna

import (
	"bytes"
	"encoding/binary"
)

const (
	// headerBytes is the length of the beginning of a connection: "PNA" and the version.
	headerBytes = 5
	// optionBytes is the length of an option's header: its kind and the length of its value.
	optionBytes = 4
	// MaxHello bounds what a client sends up to the last option.
	MaxHello = 4 << 10
)

// Kinds of options.
const (
	optionEnd    = 0
	optionPort   = 1
	optionRobust = 7
)

var begin = []byte("PNA")

// Port is a UDP port of the client, at an offset in the stream.
type Port struct {
	Number uint16
	Offset int
}

// State is how far a client's hello has come.
type State uint8

// The states.
const (
	// Partial is a hello that is not complete.
	Partial State = iota
	// Complete is a hello with all options.
	Complete
	// Invalid is something else than a hello.
	Invalid
)

// Parse returns the ports in the hello with which a client's stream begins. A partial hello has those that have come.
func Parse(stream []byte) (ports []Port, state State) {
	n := min(len(stream), len(begin))
	if !bytes.Equal(stream[:n], begin[:n]) {
		return nil, Invalid
	}
	for at := headerBytes; ; {
		if at > MaxHello {
			return nil, Invalid
		}
		if len(stream) < at+2 {
			return ports, Partial
		}
		kind := binary.BigEndian.Uint16(stream[at:])
		if kind == optionEnd {
			return ports, Complete
		}
		if len(stream) < at+optionBytes {
			return ports, Partial
		}
		length := int(binary.BigEndian.Uint16(stream[at+2:]))
		at += optionBytes
		if kind == optionPort || kind == optionRobust {
			if length != 2 {
				return nil, Invalid
			}
			if len(stream) < at+length {
				return ports, Partial
			}
			ports = append(ports, Port{Number: binary.BigEndian.Uint16(stream[at:]), Offset: at})
		}
		if len(ports) > maxPorts {
			return nil, Invalid
		}
		at += length
	}
}

// maxPorts bounds the ports of a hello: the one for media, and the one for robust transfer.
const maxPorts = 2
