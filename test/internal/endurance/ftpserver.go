package endurance

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

// ftpServer is the part of an FTP server (RFC 959) that a download in extended passive mode needs (RFC 2428). Everybody
// may log in, and there is one file. It answers on one control connection.
type ftpServer struct {
	control *textproto.Conn
	// listen opens a listener for the data connection, at a port of its choice.
	listen  func() (net.Listener, error)
	passive net.Listener
	file    io.Reader
}

// ftpReplies are the replies to commands that change nothing.
var ftpReplies = map[string]string{
	"USER": "230 Logged in", "TYPE": "200 Binary mode", "NOOP": "200 OK", "QUIT": "221 Goodbye",
}

// serve answers until the client quits. An error ends the control connection, which the client detects.
func (s *ftpServer) serve(ctx context.Context) error {
	if err := s.control.PrintfLine("220 Ready"); err != nil {
		return err
	}
	for {
		line, err := s.control.ReadLine()
		if err != nil {
			return err
		}
		verb, _, _ := strings.Cut(line, " ")
		reply, known := ftpReplies[verb]
		switch {
		case verb == "EPSV":
			err = s.offer()
		case verb == "RETR" && s.passive != nil:
			err = s.send(ctx)
		case known:
			err = s.control.PrintfLine("%s", reply)
		default:
			err = s.control.PrintfLine("502 Not implemented")
		}
		if err != nil || verb == "QUIT" {
			return err
		}
	}
}

// offer opens a listener for the data connection and sends its port to the client (RFC 2428, section 3).
func (s *ftpServer) offer() (err error) {
	if s.passive, err = s.listen(); err != nil {
		return err
	}
	port := netip.MustParseAddrPort(s.passive.Addr().String()).Port()
	return s.control.PrintfLine("229 Entering Extended Passive Mode (|||%d|)", port)
}

// send sends the file on the data connection, closes that, and confirms it on the control connection.
func (s *ftpServer) send(ctx context.Context) error {
	defer closeWith(ctx, s.passive)()
	if err := s.control.PrintfLine("150 Sending the file"); err != nil {
		return err
	}
	late := time.AfterFunc(waitTimeout, func() { _ = s.passive.Close() })
	data, err := s.passive.Accept()
	late.Stop()
	if err != nil {
		return fmt.Errorf("waiting for the data connection: %w", err)
	}
	end := closeWith(ctx, data)
	_, err = io.Copy(data, s.file)
	end()
	if err != nil {
		return err
	}
	return s.control.PrintfLine("226 Transfer complete")
}
