package scrape

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/admission"
)

// Bounds of a request, which is small, and of its response, which has some thousand lines.
const (
	readTimeout, writeTimeout = 5 * time.Second, 10 * time.Second
	idleTimeout               = 2 * time.Minute
	maxHeader                 = 8 << 10
	maxConnections            = 32
)

// Config configures the server.
type Config struct {
	// Address is the TCP address to listen on, host and port.
	Address string
	// Control prepares the socket, as in net.ListenConfig. It may be nil.
	Control func(network, address string, socket syscall.RawConn) error
	// Metrics answers GET /metrics.
	Metrics http.Handler
	// CertificateFile and KeyFile are those of the server, in PEM. TokenFile has the token of scrapers. The files are read
	// for each connection or request, so that renewed ones need no restart.
	CertificateFile, KeyFile, TokenFile string
	Log                                 logr.Logger
}

// Serve serves until ctx ends.
func Serve(ctx context.Context, c Config) error {
	listener, err := (&net.ListenConfig{Control: c.Control}).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return err
	}
	return serve(ctx, c, listener)
}

func serve(ctx context.Context, c Config, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.guard(c.Metrics))
	server := &http.Server{
		Handler: mux, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		TLSConfig:      &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.certificate},
		ErrorLog:       log.New(verboseLog{c.Log}, "", 0),
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.ServeTLS(admission.Bound(listener, maxConnections), "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c Config) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of metrics: %w", err)
	}
	return &certificate, nil
}

// guard refuses requests without the token.
func (c Config) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		token, err := readToken(c.TokenFile)
		if err != nil {
			c.Log.Info("Refusing metrics, since the token cannot be read", "reason", err.Error())
			http.Error(w, "the token of metrics cannot be read", http.StatusServiceUnavailable)
			return
		}
		if err := checkToken(request, token); err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, request)
	})
}

// verboseLog logs the server's complaints about connections at verbosity 1, since any client can cause them.
type verboseLog struct{ log logr.Logger }

// Write logs a line of net/http.
func (q verboseLog) Write(line []byte) (int, error) {
	q.log.V(1).Info("Serving metrics", "problem", string(line))
	return len(line), nil
}
