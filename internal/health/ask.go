package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
)

// maxResponse bounds how much of an HTTP response is read: its status and headers.
const maxResponse = 16 << 10

// ask probes the target once. It fails unless the target gives the expected answer.
type ask func(ctx context.Context, from Origin) error

// asking returns how a probe queries its target, with a description of the target. It is the one place that knows the
// types of probes.
func asking(p contract.Probe) (target string, how ask, err error) {
	at := netip.AddrPortFrom(p.Host, p.Port)
	switch p.Type {
	case contract.ProbeICMP:
		return "ICMP " + p.Host.String(), func(ctx context.Context, from Origin) error {
			return ping(ctx, from, p.Host)
		}, nil
	case contract.ProbeTCP:
		return "TCP " + at.String(), func(ctx context.Context, from Origin) error {
			return connect(ctx, from, at)
		}, nil
	case contract.ProbeHTTP:
		location, err := p.Location()
		if err != nil {
			return "", nil, err
		}
		return "HTTP " + location.String(), func(ctx context.Context, from Origin) error {
			return get(ctx, from, at, location)
		}, nil
	}
	return "", nil, fmt.Errorf("type %q is unknown; it must be one of %v", p.Type, contract.ProbeTypes())
}

// dialer returns a dialer that opens connections from the origin only. Routes by other interfaces would prove nothing.
func (o Origin) dialer(local net.Addr) *net.Dialer {
	return &net.Dialer{
		LocalAddr: local, KeepAlive: -1, FallbackDelay: -1,
		Control: func(network, _ string, raw syscall.RawConn) error {
			var set error
			err := raw.Control(func(fd uintptr) { set = o.prepare(network, int(fd)) })
			return errors.Join(err, set)
		},
	}
}

// prepare binds a socket to the interface. On a raw one it also enables the errors that come back by ICMP.
func (o Origin) prepare(network string, socket int) error {
	if err := unix.BindToDevice(socket, o.Interface); err != nil {
		return fmt.Errorf("binding to interface %s: %w", o.Interface, err)
	}
	if o.Mark != 0 {
		if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)); err != nil {
			return fmt.Errorf("marking packets: %w", err)
		}
	}
	switch network {
	case "ip4":
		return unix.SetsockoptInt(socket, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	case "ip6":
		return unix.SetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	default:
		return nil
	}
}

// zoned returns a link-local target with its interface.
func (o Origin) zoned(target netip.Addr) netip.Addr {
	if target.Is6() && target.IsLinkLocalUnicast() {
		return target.WithZone(strconv.Itoa(o.Index))
	}
	return target
}

// open opens a TCP connection that ends with the context.
func (o Origin) open(ctx context.Context, target netip.AddrPort) (net.Conn, func(), error) {
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.zoned(o.Address), 0))
	to := netip.AddrPortFrom(o.zoned(target.Addr()), target.Port())
	conn, err := o.dialer(local).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, nil, err
	}
	return conn, endWith(ctx, conn), nil
}

// endWith closes the connection when the context ends. The function that it returns closes it earlier.
func endWith(ctx context.Context, conn net.Conn) (end func()) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		_ = conn.Close() // The answer has been judged.
	}
}

// connect succeeds when the target accepts a connection.
func connect(ctx context.Context, from Origin, target netip.AddrPort) error {
	_, end, err := from.open(ctx, target)
	if err == nil {
		end()
	}
	return err
}

// get succeeds when the target answers with success or with a redirection. Redirections are not followed, since they
// may lead to other interfaces.
func get(ctx context.Context, from Origin, target netip.AddrPort, location *url.URL) error {
	conn, end, err := from.open(ctx, target)
	if err != nil {
		return err
	}
	defer end()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location.String(), http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "hapair-probe")
	request.Close = true
	if err := request.Write(conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxResponse)), request)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	_ = response.Body.Close() // It is not read, and the connection ends here.
	if response.StatusCode < 200 || response.StatusCode > 399 {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
