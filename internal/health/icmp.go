package health

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/internal/checksum"
)

// Networks of raw sockets, as package net names them, and message types of RFC 792 and RFC 4443.
const (
	networkICMP   = "ip4:icmp"
	networkICMPv6 = "ip6:ipv6-icmp"

	echoRequest       = 8
	echoReply         = 0
	echoRequestICMPv6 = 128
	echoReplyICMPv6   = 129
)

// tokenBytes is how much of an echo is random: identifier, sequence number and data. Only a station that sees the
// request can answer it.
const tokenBytes = 2 + 2 + 12

// ping succeeds when the target answers an echo request. It needs NET_RAW.
func ping(ctx context.Context, from Origin, target netip.Addr) error {
	network, request, reply := networkICMP, byte(echoRequest), byte(echoReply)
	if target.Is6() {
		network, request, reply = networkICMPv6, echoRequestICMPv6, echoReplyICMPv6
	}
	local := from.zoned(from.Address)
	conn, err := from.dialer(&net.IPAddr{IP: local.AsSlice(), Zone: local.Zone()}).
		DialContext(ctx, network, from.zoned(target).String())
	if err != nil {
		return err
	}
	defer endWith(ctx, conn)()

	message := make([]byte, 4+tokenBytes) // type, code, checksum
	message[0] = request
	if _, err := rand.Read(message[4:]); err != nil {
		return fmt.Errorf("making an echo request: %w", err)
	}
	if target.Is4() { // For IPv6 the kernel does it.
		binary.BigEndian.PutUint16(message[2:], checksum.Of(message))
	}
	if _, err := conn.Write(message); err != nil {
		return err
	}
	// Read would leave the header of IPv4 before the message.
	return awaitEcho(conn.(*net.IPConn), reply, message[4:])
}

func awaitEcho(conn *net.IPConn, reply byte, token []byte) error {
	buffer := make([]byte, 128)
	for {
		n, _, err := conn.ReadFromIP(buffer)
		if err != nil {
			return err
		}
		if isAnswer(buffer[:n], reply, token) {
			return nil
		}
	}
}

// isAnswer reports whether a message answers this request. A raw socket also receives answers to others, and requests.
func isAnswer(message []byte, reply byte, token []byte) bool {
	return len(message) == 4+len(token) && message[0] == reply && message[1] == 0 && bytes.Equal(message[4:], token)
}
