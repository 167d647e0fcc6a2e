package upstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

// maxForeign bounds the messages that are ignored while a server is asked by UDP. With more of them somebody tries to
// forge the answer, and the server is asked by TCP.
const maxForeign = 16

// Config is how servers are asked.
type Config struct {
	// Control prepares each socket; nil for nothing.
	Control func(network, address string, c syscall.RawConn) error
	// IsCaseRandom spells questions at random.
	IsCaseRandom bool
	// Foreign is called for each message that was ignored, and Asked for each question to a server: with nil if the
	// server has answered.
	Foreign func()
	Asked   func(error)
	// Changed is called when a server is no longer asked before others, with the reason, and when it is again, with nil.
	Changed func(server netip.AddrPort, err error)
}

// exchange asks one server.
func (c Config) exchange(ctx context.Context, u document.DNSUpstream, q message.Question) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, u.Timeout())
	defer cancel()
	if u.Protocol == document.DNSOverTCP {
		return c.exchangeOver(ctx, "tcp", u, q)
	}
	m, err := c.exchangeOver(ctx, "udp", u, q)
	if err == nil && m.Truncated || errors.Is(err, errDoubtful) {
		m, err = c.exchangeOver(ctx, "tcp", u, q)
	}
	return m, err
}

// errDoubtful is the error if the server must be asked by TCP.
var errDoubtful = errors.New("the answers by UDP are doubtful")

// exchangeOver asks a server over a network, which is "udp" or "tcp".
func (c Config) exchangeOver(
	ctx context.Context, network string, u document.DNSUpstream, q message.Question,
) (*dns.Msg, error) {
	id, spelled := dns.Id(), q.Name
	if c.IsCaseRandom && network == "udp" {
		random := make([]byte, (len(q.Name)+7)/8)
		_, _ = rand.Read(random) // It never fails.
		spelled = message.Spell(q.Name, random)
	}
	sent, err := message.Ask(q, id, spelled)
	if err != nil {
		return nil, fmt.Errorf("writing a question: %w", err)
	}
	dialer := net.Dialer{Control: c.Control}
	if u.Source.IsValid() {
		dialer.LocalAddr = localAddress(network, u.Source)
	}
	conn, err := dialer.DialContext(ctx, network, u.AddrPort().String())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	if network == "tcp" {
		return askStream(conn, sent, q, id)
	}
	if _, err := conn.Write(sent); err != nil {
		return nil, err
	}
	return c.receive(conn, q, id, spelled)
}

func localAddress(network string, a netip.Addr) net.Addr {
	if network == "tcp" {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
}

// receive reads datagrams of a server until one is the answer. The kernel passes only those of the server's address and
// port.
func (c Config) receive(conn net.Conn, q message.Question, id uint16, spelled string) (*dns.Msg, error) {
	buffer := make([]byte, message.MaxStream)
	for range maxForeign {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		m, err := message.Match(buffer[:n], q, id, spelled)
		if err == nil {
			return m, nil
		}
		c.Foreign()
		if errors.Is(err, message.ErrRespelled) {
			break
		}
	}
	return nil, errDoubtful
}

// askStream asks a server by TCP.
func askStream(conn net.Conn, sent []byte, q message.Question, id uint16) (*dns.Msg, error) {
	if err := message.WriteStream(conn, sent); err != nil {
		return nil, err
	}
	data, err := message.ReadStream(conn)
	if err != nil {
		return nil, err
	}
	m, err := message.Match(data, q, id, q.Name)
	if err == nil && m.Truncated {
		return nil, errors.New("the answer by TCP is truncated")
	}
	return m, err
}
