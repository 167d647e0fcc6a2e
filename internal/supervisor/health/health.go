// Package health reports the daemons of a container. The first process serves the report on a unix socket, and
// the kubelet's probe runs the same program again to ask for it.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	// timeout bounds a request on both sides.
	timeout = 5 * time.Second
	// maxReport bounds the bytes of a report that Ask reads.
	maxReport = 1 << 20
)

// Server serves reports.
type Server struct {
	server   *http.Server
	listener net.Listener
	ended    chan error
}

// Serve serves the report at a unix socket until Close. It replaces a socket that an earlier process has left behind.
func Serve(socket string, report func() supervisor.Report) (*Server, error) {
	if err := supervisor.RemoveLeftovers(socket); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("serving the health report: %w", err)
	}
	s := &Server{listener: listener, ended: make(chan error, 1)}
	s.server = &http.Server{
		ReadTimeout: timeout, WriteTimeout: timeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(report()) // only a client that has gone makes it fail
		}),
	}
	go func() { s.ended <- s.server.Serve(listener) }()
	return s, nil
}

// Close ends the server, and waits for it.
func (s *Server) Close() error {
	err := s.server.Close()
	if serveErr := <-s.ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// Ask returns the report of the process that serves the socket.
func Ask(ctx context.Context, socket string) (supervisor.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://health/", nil)
	if err != nil {
		return supervisor.Report{}, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return supervisor.Report{}, fmt.Errorf("asking for the health report: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var report supervisor.Report
	if err := json.NewDecoder(io.LimitReader(response.Body, maxReport)).Decode(&report); err != nil {
		return supervisor.Report{}, fmt.Errorf("reading the health report: %w", err)
	}
	return report, nil
}
