// Package emulators speaks the beginning of protocols for which no free program exists: Oracle's SQL*Net (TNS) and
// RealAudio (PNA). It follows public descriptions of the protocols, and shares no code with the gateways under test.
package emulators

import (
	"encoding/binary"
	"fmt"
)

// Redirect returns a listener's redirect to an address, in one packet of type 5.
func Redirect(host string, port int) []byte {
	text := Address(host, port)
	return tns(5, append([]byte{byte(len(text) >> 8), byte(len(text))}, text...))
}

// AnnouncedRedirect returns a redirect whose text is in a data packet of its own, as newer listeners send it.
func AnnouncedRedirect(host string, port int) []byte {
	data := append([]byte{0, 0x40}, Address(host, port)...)
	return append(tns(5, []byte{0, 0}), tns(6, data)...)
}

// Address returns the text of a redirect.
func Address(host string, port int) string {
	return fmt.Sprintf("(ADDRESS=(PROTOCOL=tcp)(HOST=%s)(PORT=%d))", host, port)
}

// Accept returns the packet with which a listener accepts a client.
func Accept() []byte { return tns(2, make([]byte, 16)) }

// tns returns a packet: length, checksum, type, flags, checksum of the header, body.
func tns(kind byte, body []byte) []byte {
	packet := []byte{0, 0, 0, 0, kind, 0, 0, 0}
	packet = append(packet, body...)
	packet[0], packet[1] = byte(len(packet)>>8), byte(len(packet))
	return packet
}

// Hello returns what a RealAudio player sends first, with the UDP port at which it waits for the media.
func Hello(port int) []byte {
	hello := append([]byte("PNA"), 0, 10) // The version.
	for _, option := range []struct {
		kind  uint16
		value []byte
	}{
		{3, []byte("clientid")}, {1, []byte{byte(port >> 8), byte(port)}},
	} {
		hello = binary.BigEndian.AppendUint16(hello, option.kind)
		hello = binary.BigEndian.AppendUint16(hello, uint16(len(option.value)))
		hello = append(hello, option.value...)
	}
	return append(hello, 0, 0)
}
