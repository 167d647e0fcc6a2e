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
)

// Server answers on control connections.
type Server struct {
	// User and Password are the accepted credentials.
	User, Password string
	// Listen opens a listener for one data connection, at a port of its choice.
	Listen func(ctx context.Context) (net.Listener, error)
	// Open opens a file.
	Open func(path string) (io.Reader, error)
}

// acceptTimeout bounds how long the server waits for the client's data connection.
const acceptTimeout = 30 * time.Second

// Serve answers on one control connection until the client quits, or the connection ends. It does not close the
// connection.
func (s Server) Serve(ctx context.Context, control net.Conn) error {
	one := &connection{Server: s, control: textproto.NewConn(control)}
	defer one.closePassive()
	if err := one.reply(220, "Ready"); err != nil {
		return err
	}
	for {
		line, err := one.control.ReadLine()
		if err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		verb, argument, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if err := one.handle(ctx, verb, argument); err != nil {
			return fmt.Errorf("answering %s: %w", verb, err)
		}
		if verb == "QUIT" {
			return nil
		}
	}
}

// connection is the state of one control connection.
type connection struct {
	Server
	control  *textproto.Conn
	user     string
	loggedIn bool
	passive  net.Listener
}

func (s *connection) reply(code int, text string) error {
	return s.control.PrintfLine("%d %s", code, text)
}

func (s *connection) handle(ctx context.Context, verb, argument string) error {
	switch verb {
	case "USER":
		s.user = argument
		return s.reply(331, "Password, please")
	case "PASS":
		if s.user != s.User || argument != s.Password {
			return s.reply(530, "Not logged in")
		}
		s.loggedIn = true
		return s.reply(230, "Logged in")
	case "NOOP":
		return s.reply(200, "OK")
	case "QUIT":
		return s.reply(221, "Goodbye")
	}
	switch {
	case !s.loggedIn:
		return s.reply(530, "Not logged in")
	case verb == "TYPE" && argument == "I":
		return s.reply(200, "Binary mode")
	case verb == "EPSV":
		return s.listen(ctx)
	case verb == "RETR":
		return s.retrieve(ctx, argument)
	default:
		return s.reply(502, "Not implemented")
	}
}

// listen opens a listener for the data connection and sends its port to the client (RFC 2428, section 3).
func (s *connection) listen(ctx context.Context) error {
	s.closePassive()
	listener, err := s.Listen(ctx)
	if err != nil {
		return s.reply(425, "No data connection")
	}
	s.passive = listener
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	return s.reply(229, fmt.Sprintf("Entering Extended Passive Mode (|||%d|)", port))
}

// closePassive closes the listener for the data connection.
func (s *connection) closePassive() {
	if s.passive != nil {
		_ = s.passive.Close()
		s.passive = nil
	}
}

// retrieve sends a file on a new data connection and closes it at the end of the file.
func (s *connection) retrieve(ctx context.Context, path string) error {
	if s.passive == nil {
		return s.reply(425, "No data connection")
	}
	defer s.closePassive()
	file, err := s.Open(path)
	if err != nil {
		return s.reply(550, "No such file")
	}
	if err := s.reply(150, "Sending the file"); err != nil {
		return err
	}
	data, err := accept(ctx, s.passive)
	if err != nil {
		return s.reply(425, "No data connection")
	}
	stop := context.AfterFunc(ctx, func() { _ = data.Close() })
	defer stop()
	_, err = io.Copy(data, file)
	if closed := data.Close(); err != nil || closed != nil {
		return s.reply(426, "Data connection broken")
	}
	return s.reply(226, "Transfer complete")
}

// accept waits for one connection.
func accept(ctx context.Context, listener net.Listener) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	return listener.Accept()
}
