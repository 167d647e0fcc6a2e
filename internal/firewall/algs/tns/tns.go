// Package tns reads what Oracle listeners send on the connections of SQL*Net (Transparent Network Substrate), for the
// address to which a listener redirects its client. It handles bytes and does no I/O.
//
// Oracle has not published the protocol. The format follows the dissectors of Wireshark and of conntrack-tools. A
// redirect comes before the listener accepts the client; afterwards nothing needs to be read.
package tns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Types of packets that a gateway distinguishes. TypeRefuse is that of a listener that refuses the client.
const (
	typeAccept   = 2
	TypeRefuse   = 4
	typeRedirect = 5
	typeData     = 6
	typeResend   = 11
	maxType      = 19
)

const (
	// TypeAt is the offset of the type in a packet.
	TypeAt = 4
	// headerBytes is the length of a packet's header: length, checksum, type, flags, checksum of the header.
	headerBytes = 8
	// redirectBytes and dataBytes are the lengths of what stands between the header and the text: the length of the text,
	// or flags.
	redirectBytes = 2
	dataBytes     = 2
	// MaxPacket bounds a packet with a redirect. Its length field allows no more.
	MaxPacket = 8 << 10
)

// Kind is what a packet means to a gateway.
type Kind uint8

// The kinds.
const (
	// Other is a packet that a redirect may follow.
	Other Kind = iota
	// Redirect names an address to which the client connects next.
	Redirect
	// Announced is a redirect whose text comes in the next packet.
	Announced
	// Ended is a packet after which no redirect follows, or something that is not TNS.
	Ended
)

// Packet is a packet of a listener.
type Packet struct {
	Kind Kind
	// Bytes is its length.
	Bytes int
	// Text is the text of a redirect, at an offset in the packet.
	Text   string
	Offset int
}

// Next returns the first packet of a stream, and false if it has not come completely. After a packet of the kind
// Announced, announced must be set.
func Next(stream []byte, announced bool) (p Packet, complete bool) {
	if len(stream) < headerBytes {
		return p, false
	}
	length, kind := int(binary.BigEndian.Uint16(stream)), stream[TypeAt]
	if length < headerBytes || length > MaxPacket || kind == 0 || kind > maxType {
		return Packet{Kind: Ended, Bytes: len(stream)}, true
	}
	p.Bytes = length
	switch {
	case kind == typeAccept || kind == TypeRefuse || kind == typeData && !announced:
		p.Kind = Ended
		return p, true
	case len(stream) < length:
		return Packet{}, false
	case kind == typeRedirect && length >= headerBytes+redirectBytes:
		p.setText(stream[:length], headerBytes+redirectBytes)
		if n := int(binary.BigEndian.Uint16(stream[headerBytes:])); n == 0 && p.Text == "" {
			p.Kind = Announced
		}
	case kind == typeData && length >= headerBytes+dataBytes:
		p.setText(stream[:length], headerBytes+dataBytes)
	}
	return p, true
}

func (p *Packet) setText(packet []byte, offset int) {
	p.Kind, p.Text, p.Offset = Redirect, string(packet[offset:]), offset
}

// ErrAddress reports a redirect to no address that a gateway can open.
var ErrAddress = errors.New("a redirect without an address and a port")

// Field is the place of a value in a text.
type Field struct{ Begin, End int }

// Target is the address in the text of a redirect, with the places of its parts.
type Target struct {
	Address    netip.AddrPort
	Host, Port Field
}

// ParseTarget returns the address in the text of a redirect, such as
// (ADDRESS=(PROTOCOL=tcp)(HOST=192.0.2.1)(PORT=1522)). A client resolves a name itself, so a name is an error.
func ParseTarget(text string) (t Target, err error) {
	// What follows a zero is for the client to send.
	text, _, _ = strings.Cut(text, "\x00")
	var ok bool
	if t.Host, ok = find(text, "HOST"); !ok {
		return t, fmt.Errorf("%w: no host", ErrAddress)
	}
	if t.Port, ok = find(text, "PORT"); !ok {
		return t, fmt.Errorf("%w: no port", ErrAddress)
	}
	host, err := netip.ParseAddr(text[t.Host.Begin:t.Host.End])
	if err != nil || host.Zone() != "" || !host.IsGlobalUnicast() {
		return Target{}, fmt.Errorf("%w: host %q", ErrAddress, text[t.Host.Begin:t.Host.End])
	}
	port, err := strconv.ParseUint(text[t.Port.Begin:t.Port.End], 10, 16)
	if err != nil || port == 0 {
		return Target{}, fmt.Errorf("%w: port %q", ErrAddress, text[t.Port.Begin:t.Port.End])
	}
	t.Address = netip.AddrPortFrom(host.Unmap(), uint16(port))
	return t, nil
}

// find returns the place of the first value with a name: "(NAME=value)". Names have any case, and spaces around them.
func find(text, name string) (f Field, ok bool) {
	for begin := range len(text) {
		if text[begin] != '(' {
			continue
		}
		key, _, found := strings.Cut(text[begin+1:], "=")
		if !found || !strings.EqualFold(strings.TrimSpace(key), name) {
			continue
		}
		f.Begin = begin + 1 + len(key) + 1
		n := strings.IndexAny(text[f.Begin:], "()")
		if n < 0 || text[f.Begin+n] != ')' {
			return f, false
		}
		f.End = f.Begin + n
		return f.trim(text), true
	}
	return f, false
}

// trim returns the field without spaces around the value.
func (f Field) trim(text string) Field {
	value := text[f.Begin:f.End]
	f.Begin += len(value) - len(strings.TrimLeft(value, " "))
	f.End = f.Begin + len(strings.TrimSpace(value))
	return f
}

// WithHost returns the bytes of a redirect up to the end of its host, with another host in its place and the lengths
// that belong to it. They replace the first replaced bytes of the packet. They are nil if the packet would be too long.
func (p Packet) WithHost(packet []byte, t Target, host string) (bytes []byte, replaced int) {
	replaced = p.Offset + t.Host.End
	bytes = append(bytes, packet[:p.Offset+t.Host.Begin]...)
	bytes = append(bytes, host...)
	length := p.Bytes + len(bytes) - replaced
	if length > MaxPacket {
		return nil, 0
	}
	binary.BigEndian.PutUint16(bytes, uint16(length)) //nolint:gosec // It is bounded above.
	if packet[TypeAt] == typeRedirect {
		text := int(binary.BigEndian.Uint16(packet[headerBytes:])) + len(bytes) - replaced
		binary.BigEndian.PutUint16(bytes[headerBytes:], uint16(max(text, 0))) //nolint:gosec // See above.
	}
	return bytes, replaced
}
