package ftp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
)

// Client sends requests on one control connection. Only one goroutine may call its methods. Each waits for the answer.
type Client struct {
	conn    net.Conn
	control *textproto.Conn
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// NewClient waits for the server's greeting on a control connection, and opens data connections with dial. The caller
// keeps the control connection: closing it, or its deadline, ends every wait.
func NewClient(
	control net.Conn, dial func(ctx context.Context, network, address string) (net.Conn, error),
) (*Client, error) {
	c := &Client{conn: control, control: textproto.NewConn(control), dial: dial}
	if _, _, err := c.control.ReadResponse(220); err != nil {
		return nil, fmt.Errorf("waiting for the greeting: %w", err)
	}
	return c, nil
}

// request sends a command and returns the text of the answer, which must have the code.
func (c *Client) request(code int, verb string, arguments ...string) (string, error) {
	line := strings.Join(append([]string{verb}, arguments...), " ")
	if err := c.control.PrintfLine("%s", line); err != nil {
		return "", fmt.Errorf("sending %s: %w", verb, err)
	}
	return c.expect(code, verb)
}

func (c *Client) expect(code int, verb string) (string, error) {
	_, text, err := c.control.ReadResponse(code)
	if err != nil {
		return "", fmt.Errorf("waiting for the %d of %s: %w", code, verb, err)
	}
	return text, nil
}

// LogIn authenticates the client and selects binary transfers.
func (c *Client) LogIn(user, password string) error {
	if _, err := c.request(331, "USER", user); err != nil {
		return err
	}
	if _, err := c.request(230, "PASS", password); err != nil {
		return err
	}
	_, err := c.request(200, "TYPE", "I")
	return err
}

// Retrieve requests a file and returns the data connection on which it arrives. The caller owns that connection, reads
// it to its end, and then calls Retrieved.
func (c *Client) Retrieve(ctx context.Context, path string) (net.Conn, error) {
	text, err := c.request(229, "EPSV")
	if err != nil {
		return nil, err
	}
	port, err := passivePort(text)
	if err != nil {
		return nil, err
	}
	server, err := netip.ParseAddrPort(c.conn.RemoteAddr().String())
	if err != nil {
		return nil, fmt.Errorf("reading the server's address: %w", err)
	}
	data, err := c.dial(ctx, "tcp", netip.AddrPortFrom(server.Addr(), port).String())
	if err != nil {
		return nil, fmt.Errorf("opening the data connection: %w", err)
	}
	if _, err := c.request(150, "RETR", path); err != nil {
		_ = data.Close()
		return nil, err
	}
	return data, nil
}

// Retrieved waits for the server's confirmation that the file was sent completely.
func (c *Client) Retrieved() error {
	_, err := c.expect(226, "RETR")
	return err
}

// Noop checks that the server answers.
func (c *Client) Noop() error {
	_, err := c.request(200, "NOOP")
	return err
}

// Quit ends the login.
func (c *Client) Quit() error {
	_, err := c.request(221, "QUIT")
	return err
}

// passivePort parses the port of `… (|||port|)` (RFC 2428, section 3).
func passivePort(text string) (uint16, error) {
	_, rest, _ := strings.Cut(text, "(|||")
	digits, _, ok := strings.Cut(rest, "|)")
	port, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || port == 0 {
		return 0, fmt.Errorf("the server's answer %q has no port", text)
	}
	return uint16(port), nil
}
