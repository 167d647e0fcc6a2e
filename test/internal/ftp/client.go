package ftp

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

const (
	// patience bounds the login, each command with its answer, and each transfer.
	patience = 30 * time.Second
	// attempt bounds a data connection that must open at once.
	attempt = 10 * time.Second
)

// Mode is how a client announces data connections.
type Mode struct {
	// Server is the address that the client connects to.
	Server netip.Addr
	// IsActive is set if the server opens data connections, and IsExtended for EPRT and EPSV (RFC 2428).
	IsActive, IsExtended bool
}

// Client has a control connection.
type Client struct {
	host    endurance.Host
	mode    Mode
	local   netip.AddrPort
	conn    net.Conn
	control *textproto.Conn
	// The data connection that was announced last.
	listener net.Listener
	data     netip.AddrPort
}

// Dial opens a control connection from a host. Close ends it.
func Dial(ctx context.Context, host endurance.Host, mode Mode) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := host.Dial(ctx, "tcp", netip.AddrPortFrom(mode.Server, Port).String())
	if err != nil {
		return nil, err
	}
	c := &Client{
		host: host, mode: mode, conn: conn, control: textproto.NewConn(conn),
	}
	local := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	c.local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	if err := c.login(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) login() error {
	if err := c.extend(); err != nil {
		return err
	}
	_, err := c.read(220)
	if err == nil {
		_, err = c.command(230, "USER anonymous")
	}
	return err
}

// Close ends the control connection.
func (c *Client) Close() {
	if c.listener != nil {
		_ = c.listener.Close()
	}
	_ = c.control.Close() // The server may be gone.
}

// Local returns the client's end of the control connection.
func (c *Client) Local() netip.AddrPort { return c.local }

// Noop sends a command without effect.
func (c *Client) Noop() error {
	_, err := c.command(200, "NOOP")
	return err
}

// extend gives the next exchange its time.
func (c *Client) extend() error { return c.conn.SetDeadline(time.Now().Add(patience)) }

// read reads an answer with a code.
func (c *Client) read(code int) (string, error) {
	_, message, err := c.control.ReadResponse(code)
	return message, err
}

// command sends a command, and reads its answer.
func (c *Client) command(code int, line string) (string, error) {
	if err := c.extend(); err != nil {
		return "", err
	}
	err := c.control.PrintfLine("%s", line)
	var message string
	if err == nil {
		message, err = c.read(code)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	return message, nil
}

// Announce announces a data connection, which Fetch opens.
func (c *Client) Announce(ctx context.Context) (err error) {
	switch {
	case c.mode.IsActive:
		return c.announceActive(ctx)
	case c.mode.IsExtended:
		c.data, err = c.announceExtended()
	default:
		c.data, err = c.announcePassive()
	}
	return err
}

func (c *Client) announceActive(ctx context.Context) error {
	if c.listener != nil {
		_ = c.listener.Close() // It was announced before.
	}
	var err error
	if c.listener, err = c.host.Listen(ctx, "tcp", netip.AddrPortFrom(c.local.Addr(), 0).String()); err != nil {
		return err
	}
	at := c.listener.Addr().(*net.TCPAddr).AddrPort()
	address := strings.ReplaceAll(c.local.Addr().String(), ".", ",")
	line := fmt.Sprintf("PORT %s,%d,%d", address, at.Port()>>8, at.Port()&0xff)
	if c.mode.IsExtended {
		family := 1
		if c.local.Addr().Is6() {
			family = 2
		}
		line = fmt.Sprintf("EPRT |%d|%s|%d|", family, c.local.Addr(), at.Port())
	}
	_, err = c.command(200, line)
	return err
}

func (c *Client) announceExtended() (netip.AddrPort, error) {
	message, err := c.command(229, "EPSV")
	if err != nil {
		return netip.AddrPort{}, err
	}
	var port uint16
	_, text, _ := strings.Cut(message, "(|||")
	if _, err := fmt.Sscanf(text, "%d|", &port); err != nil {
		return netip.AddrPort{}, fmt.Errorf("reading the port in %q: %w", message, err)
	}
	return netip.AddrPortFrom(c.mode.Server, port), nil
}

func (c *Client) announcePassive() (netip.AddrPort, error) {
	message, err := c.command(227, "PASV")
	if err != nil {
		return netip.AddrPort{}, err
	}
	var a [4]byte
	var high, low uint16
	_, text, _ := strings.Cut(message, "(")
	if _, err := fmt.Sscanf(text, "%d,%d,%d,%d,%d,%d", &a[0], &a[1], &a[2], &a[3], &high, &low); err != nil {
		return netip.AddrPort{}, fmt.Errorf("reading the address in %q: %w", message, err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(a), high<<8|low), nil
}

// Fetch transfers a file over the data connection that was announced.
func (c *Client) Fetch(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	var data net.Conn
	var err error
	if !c.mode.IsActive {
		if data, err = c.host.Dial(ctx, "tcp", c.data.String()); err != nil {
			return nil, fmt.Errorf("opening the data connection: %w", err)
		}
	}
	if _, err = c.command(150, "RETR "+name); err == nil && c.mode.IsActive {
		defer context.AfterFunc(ctx, func() { _ = c.listener.Close() })()
		data, err = c.listener.Accept()
	}
	var content []byte
	if err == nil {
		err = data.SetDeadline(time.Now().Add(patience))
	}
	if err == nil {
		content, err = io.ReadAll(data)
	}
	if data != nil {
		_ = data.Close() // It was read to its end, or it failed.
	}
	if err == nil {
		_, err = c.read(226)
	}
	return content, err
}

// Transfer announces a data connection and transfers a file.
func (c *Client) Transfer(ctx context.Context, name string) ([]byte, error) {
	if err := c.Announce(ctx); err != nil {
		return nil, err
	}
	return c.Fetch(ctx, name)
}
