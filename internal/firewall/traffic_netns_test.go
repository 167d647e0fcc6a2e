//go:build netns

package firewall_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// patience is how long an expected answer may take. silence is how long a test waits for an answer that must not come.
const (
	patience = 5 * time.Second
	silence  = 300 * time.Millisecond
)

// echo starts a TCP server that answers each line with the peer's address, a space and the line.
func (b *bed) echo(host *testbed.Namespace, address string) {
	b.Helper()
	host.ServeTCP(b, address, serveLines)
}

func serveLines(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if _, err := fmt.Fprintf(conn, "%s %s\n", conn.RemoteAddr(), lines.Text()); err != nil {
			return
		}
	}
}

// line is a connection to an echo.
type line struct {
	net.Conn
	answers *bufio.Reader
}

// dial connects, within the time of patience.
func (b *bed) dial(host *testbed.Namespace, address string) (*line, error) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	return b.dialContext(ctx, host, address)
}

func (b *bed) dialContext(ctx context.Context, host *testbed.Namespace, address string) (*line, error) {
	conn, err := namespace.Dial(ctx, at(host), "tcp", address)
	if err != nil {
		return nil, err
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &line{Conn: conn, answers: bufio.NewReader(conn)}, nil
}

func (b *bed) mustDial(host *testbed.Namespace, address string) *line {
	b.Helper()
	l, err := b.dial(host, address)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// exchange sends a line and returns the source address that the server saw.
func (l *line) exchange(text string, wait time.Duration) (seen string, err error) {
	if err := l.SetDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(l, text); err != nil {
		return "", err
	}
	answer, err := l.answers.ReadString('\n')
	if err != nil {
		return "", err
	}
	var said string
	if _, err := fmt.Sscan(answer, &seen, &said); err != nil || said != text {
		return "", fmt.Errorf("answer %q to %q: %w", answer, text, err)
	}
	return seen, nil
}

// mustDrop checks that a connection is neither accepted nor answered.
func (b *bed) mustDrop(host *testbed.Namespace, address string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), silence)
	defer cancel()
	if _, err := b.dialContext(ctx, host, address); !isTimeout(err) {
		b.Errorf("%s to %s: %v, want silence", host, address, err)
	}
}

// mustReject checks that a connection is refused at once.
func (b *bed) mustReject(host *testbed.Namespace, address string, want syscall.Errno) {
	b.Helper()
	if _, err := b.dial(host, address); !errors.Is(err, want) {
		b.Errorf("%s to %s: %v, want %v", host, address, err, want)
	}
}

func (b *bed) mustReach(host *testbed.Namespace, address string) (seen netip.AddrPort, local netip.AddrPort) {
	b.Helper()
	l, err := b.dial(host, address)
	if err != nil {
		b.Errorf("%s to %s: %v", host, address, err)
		return
	}
	text, err := l.exchange("hello", patience)
	if err != nil {
		b.Errorf("%s to %s: %v", host, address, err)
		return
	}
	return netip.MustParseAddrPort(text), netip.MustParseAddrPort(l.LocalAddr().String())
}

// mustReachFrom connects from one of a host's addresses and returns the source that the server saw.
func (b *bed) mustReachFrom(host *testbed.Namespace, from, address string) (seen netip.AddrPort) {
	b.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn := testbed.Open(b, host, func() (net.Conn, error) { return dialer.Dial("tcp", address) })
	l := &line{Conn: conn, answers: bufio.NewReader(conn)}
	text, err := l.exchange("hello", patience)
	if err != nil {
		b.Fatalf("%s from %s to %s: %v", host, from, address, err)
	}
	return netip.MustParseAddrPort(text)
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ETIMEDOUT)
}

// ping sends one echo request with a code, and reports whether a reply came within the wait.
func (b *bed) ping(host *testbed.Namespace, address string, code byte, wait time.Duration) bool {
	b.Helper()
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if netip.MustParseAddr(address).Is6() {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	conn := testbed.Open(b, host, func() (net.Conn, error) { return net.Dial(network, address) })
	message := []byte{request, code, 0, 0, 0x12, 0x34, 0, 1}
	binary.BigEndian.PutUint16(message[2:], testbed.Checksum(message)) // The kernel computes that of ICMPv6 itself.
	if _, err := conn.Write(message); err != nil {
		b.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	for buffer := make([]byte, 1500); ; {
		// Unlike Read, ReadFrom leaves out the IPv4 header.
		n, _, err := conn.(net.PacketConn).ReadFrom(buffer)
		if err != nil {
			return false
		}
		if n >= 8 && buffer[0] == reply {
			return true
		}
	}
}
