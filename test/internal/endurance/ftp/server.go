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
	// User and Password are whom it lets in.
	User, Password string
	// Listen opens a listener for one data connection, at a port of its choice.
	Listen func(ctx context.Context) (net.Listener, error)
	// Open opens a file.
	Open func(path string) (io.Reader, error)
}

// acceptance bounds how long the server waits for the client's data connection.
const acceptance = 30 * time.Second

// Serve answers on one control connection until the client quits, or the connection ends. It does not close it.
func (s Server) Serve(ctx context.Context, control net.Conn) error {
	one := &session{Server: s, control: textproto.NewConn(control)}
	defer one.leave()
	if err := one.say(220, "Ready"); err != nil {
		return err
	}
	for {
		line, err := one.control.ReadLine()
		if err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		verb, argument, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if err := one.answer(ctx, verb, argument); err != nil {
			return fmt.Errorf("answering %s: %w", verb, err)
		}
		if verb == "QUIT" {
			return nil
		}
	}
}

// session is what the server knows of one control connection.
type session struct {
	Server
	control *textproto.Conn
	user    string
	in      bool
	passive net.Listener
}

func (s *session) say(code int, text string) error { return s.control.PrintfLine("%d %s", code, text) }

func (s *session) answer(ctx context.Context, verb, argument string) error {
	switch verb {
	case "USER":
		s.user = argument
		return s.say(331, "Password, please")
	case "PASS":
		if s.user != s.User || argument != s.Password {
			return s.say(530, "Not logged in")
		}
		s.in = true
		return s.say(230, "Logged in")
	case "NOOP":
		return s.say(200, "Here")
	case "QUIT":
		return s.say(221, "Goodbye")
	}
	switch {
	case !s.in:
		return s.say(530, "Not logged in")
	case verb == "TYPE" && argument == "I":
		return s.say(200, "Bytes as they are")
	case verb == "EPSV":
		return s.listen(ctx)
	case verb == "RETR":
		return s.retrieve(ctx, argument)
	default:
		return s.say(502, "Not implemented")
	}
}

// listen tells the client of a port for its data connection (RFC 2428, section 3).
func (s *session) listen(ctx context.Context) error {
	s.leave()
	listener, err := s.Listen(ctx)
	if err != nil {
		return s.say(425, "No data connection")
	}
	s.passive = listener
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	return s.say(229, fmt.Sprintf("Entering Extended Passive Mode (|||%d|)", port))
}

// leave gives the port up again.
func (s *session) leave() {
	if s.passive != nil {
		_ = s.passive.Close()
		s.passive = nil
	}
}

// retrieve sends a file on a new data connection, whose end is the file's.
func (s *session) retrieve(ctx context.Context, path string) error {
	if s.passive == nil {
		return s.say(425, "No data connection")
	}
	defer s.leave()
	file, err := s.Open(path)
	if err != nil {
		return s.say(550, "No such file")
	}
	if err := s.say(150, "Here it comes"); err != nil {
		return err
	}
	data, err := accept(ctx, s.passive)
	if err != nil {
		return s.say(425, "No data connection")
	}
	stop := context.AfterFunc(ctx, func() { _ = data.Close() })
	defer stop()
	_, err = io.Copy(data, file)
	if closed := data.Close(); err != nil || closed != nil {
		return s.say(426, "Data connection broken")
	}
	return s.say(226, "That was all of it")
}

// accept waits for one connection.
func accept(ctx context.Context, listener net.Listener) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	return listener.Accept()
}
