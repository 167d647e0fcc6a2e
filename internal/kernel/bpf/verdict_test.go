package bpf

import (
	"encoding/binary"
	"net/netip"
)

// unit is what a closed gate guards. Its methods are a simple implementation of the program, with which the tests
// compare the program's verdicts.
type unit struct {
	own  map[netip.Addr]bool
	macs map[MAC]bool
	// control are the addresses that nothing on a segment may use.
	control map[netip.Addr]bool
}

// guards returns the kind of an incoming frame that is dropped whatever the deadline, and whether it is one.
func (u unit) guards(b []byte) (Kind, bool) {
	f, ok := parseFrame(b)
	if !ok || f.kind == 0x8100 || f.kind == 0x88a8 {
		return Malformed, true
	}
	tags := len(b) - 14 - len(f.payload)
	switch p := f.payload; f.kind {
	case 0x0800:
		return u.guardsIPv4(p, tags > 0)
	case 0x86dd:
		return u.guardsIPv6(p, tags > 0)
	default:
		return 0, false
	}
}

// guardsIPv4 checks the header only where the message matters.
func (u unit) guardsIPv4(p []byte, closely bool) (Kind, bool) {
	if closely = closely || len(p) < 20 || p[9] == 1; closely && !isIPv4(p) {
		return Malformed, true
	}
	if to := netip.AddrFrom4([4]byte(p[16:])); u.control[to] || to.IsUnspecified() {
		return ControlAddress, true
	}
	header := int(p[0]&15) * 4
	switch {
	case p[9] != 1 || binary.BigEndian.Uint16(p[6:])&0x1fff != 0:
		return 0, false
	case len(p) <= header:
		return Malformed, true
	}
	kind, ok := map[byte]Kind{5: Redirect, 9: RouterAdvertisement, 10: RouterSolicitation}[p[header]]
	return kind, ok
}

func (u unit) guardsIPv6(p []byte, closely bool) (Kind, bool) {
	if closely = closely || len(p) < 40 || p[6] == 58 || p[6] == 44 || isExtension(p[6]); closely && !isIPv6(p) {
		return Malformed, true
	}
	if u.control[netip.AddrFrom16([16]byte(p[8:]))] || u.control[netip.AddrFrom16([16]byte(p[24:]))] {
		return ControlAddress, true
	}
	next, at := p[6], 40
	for range 6 {
		switch {
		case next == 44 && len(p) < at+4, isExtension(next) && len(p) < at+2:
			return Malformed, true
		case next == 44 && binary.BigEndian.Uint16(p[at+2:])&0xfff8 != 0:
			return 0, false
		case next == 44:
			next, at = p[at], at+8
		case isExtension(next):
			next, at = p[at], at+8*(int(p[at+1])+1)
		}
	}
	if isExtension(next) || next == 44 || next == 58 && len(p) <= at {
		return Malformed, true
	}
	if next != 58 {
		return 0, false
	}
	kind, ok := map[byte]Kind{133: RouterSolicitation, 134: RouterAdvertisement, 137: Redirect}[p[at]]
	return kind, ok
}

// frame is a frame without its VLAN tags.
type frame struct {
	source  MAC
	kind    uint16
	payload []byte
}

func parseFrame(b []byte) (f frame, ok bool) {
	if len(b) < 14 {
		return f, false
	}
	f = frame{source: MAC(b[6:12]), kind: binary.BigEndian.Uint16(b[12:]), payload: b[14:]}
	for range 2 {
		if f.kind != 0x8100 && f.kind != 0x88a8 {
			break
		}
		if len(f.payload) < 4 {
			return f, false
		}
		f.kind, f.payload = binary.BigEndian.Uint16(f.payload[2:]), f.payload[4:]
	}
	return f, true
}

// passesIn reports whether an incoming frame passes.
func (u unit) passesIn(b []byte) bool {
	if _, guarded := u.guards(b); guarded {
		return false
	}
	f, ok := parseFrame(b)
	if !ok {
		return false
	}
	switch p := f.payload; f.kind {
	case 0x0806:
		return isARP(p) && u.own[netip.AddrFrom4([4]byte(p[24:]))]
	case 0x0800:
		if !isIPv4(p) {
			return false
		}
		return u.own[netip.AddrFrom4([4]byte(p[16:]))] || isDHCPAnswer(p)
	case 0x86dd:
		if !isIPv6(p) {
			return false
		}
		return u.passesInIPv6(netip.AddrFrom16([16]byte(p[24:])), p)
	default:
		return false
	}
}

func (u unit) passesInIPv6(to netip.Addr, p []byte) bool {
	if !u.own[to] && !to.IsMulticast() {
		return false
	}
	protocol, message, ok := behindExtensions(p)
	if !ok {
		return false
	}
	if protocol != 58 {
		return u.own[to]
	}
	if len(message) == 0 {
		return false
	}
	switch message[0] {
	case 135:
		return len(message) >= 24 && u.own[netip.AddrFrom16([16]byte(message[8:]))]
	case 130, 131, 136:
		return true
	default:
		return u.own[to]
	}
}

// passesOut reports whether an outgoing frame passes, made here or routed.
func (u unit) passesOut(b []byte, routed bool) bool {
	f, ok := parseFrame(b)
	if !ok || routed || u.macs[f.source] {
		return false
	}
	switch p := f.payload; f.kind {
	case 0x0806:
		return isARP(p) && !u.macs[MAC(p[8:14])] && u.mayClaim(netip.AddrFrom4([4]byte(p[14:])))
	case 0x0800:
		return isIPv4(p) && u.mayClaim(netip.AddrFrom4([4]byte(p[12:])))
	case 0x86dd:
		if !isIPv6(p) || !u.mayClaim(netip.AddrFrom16([16]byte(p[8:]))) {
			return false
		}
		protocol, message, ok := behindExtensions(p)
		if !ok || protocol != 58 {
			return ok
		}
		if len(message) > 0 && message[0] != 136 {
			return true
		}
		return len(message) >= 24 && u.own[netip.AddrFrom16([16]byte(message[8:]))]
	default:
		return false
	}
}

func (u unit) mayClaim(from netip.Addr) bool { return u.own[from] || from.IsUnspecified() }

func isARP(p []byte) bool {
	return len(p) >= 28 && string(p[:6]) == "\x00\x01\x08\x00\x06\x04"
}

func isIPv4(p []byte) bool { return len(p) >= 20 && p[0]>>4 == 4 && p[0]&15 >= 5 }

func isIPv6(p []byte) bool { return len(p) >= 40 && p[0]>>4 == 6 }

func isDHCPAnswer(p []byte) bool {
	header := int(p[0]&15) * 4
	fragment := binary.BigEndian.Uint16(p[6:]) & 0x3fff
	return p[9] == 17 && fragment == 0 && len(p) >= header+4 && string(p[header:header+4]) == "\x00\x43\x00\x44"
}

// behindExtensions skips extension headers. It returns false for a chain that is truncated or too long.
func behindExtensions(p []byte) (protocol byte, message []byte, ok bool) {
	protocol, message = p[6], p[40:]
	for range 2 {
		if !isExtension(protocol) {
			break
		}
		if len(message) < 2 {
			return 0, nil, false
		}
		length := (int(message[1]) + 1) * 8
		protocol, message = message[0], message[min(length, len(message)):]
	}
	return protocol, message, !isExtension(protocol)
}

func isExtension(protocol byte) bool { return protocol == 0 || protocol == 43 || protocol == 60 }
