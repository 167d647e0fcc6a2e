package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/admission"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
)

// Bounds of connections and requests.
const (
	maxConnections = 64
	maxHeader      = 8 << 10
	readTimeout    = 10 * time.Second
	idleTimeout    = time.Minute
	// writeTimeout is longer than the longest wait for a standby.
	writeTimeout = 15 * time.Second
)

// socket is the socket of one provider.
type socket struct {
	server   *Server
	provider contract.Provider
	log      logr.Logger
	// requests and watches have an item for each one that is being served.
	requests, watches chan struct{}
	serving           sync.WaitGroup
}

func newSocket(s *Server, p contract.Provider, log logr.Logger) *socket {
	bounds := localapi.Bounds()
	return &socket{
		server: s, provider: p, log: log,
		requests: make(chan struct{}, bounds.Requests), watches: make(chan struct{}, bounds.Watches),
	}
}

// serve serves the socket at a path until ctx ends.
func (k *socket) serve(ctx context.Context, path string) error {
	listener, err := listen(ctx, path)
	if err != nil {
		return fmt.Errorf("opening the socket: %w", err)
	}
	server := &http.Server{
		Handler:     k.handler(),
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: k.withUser,
		ErrorLog:    stdlog.New(verboseLog{k.log}, "", 0),
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	k.log.V(1).Info("Serving provider", "socket", path)
	if err := server.Serve(admission.Bound(listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	k.serving.Wait()
	return nil
}

// listen opens a unix socket. It replaces that of an earlier process. Every user may connect: the mount decides who
// can.
func listen(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// userKey is the key of the user in the context of a connection.
type userKey struct{}

// withUser adds the user of the connected process to the context of a connection; nothing if it is unknown.
func (k *socket) withUser(ctx context.Context, connection net.Conn) context.Context {
	user, err := userOf(connection)
	if err != nil {
		k.log.Error(err, "Refusing connection, since its user is unknown")
		return ctx
	}
	if user != k.provider.UID {
		k.log.Info("Refusing connection of another user", "user", user, "want", k.provider.UID)
	}
	return context.WithValue(ctx, userKey{}, user)
}

// userOf returns the user of the process at the other end of a unix socket (SO_PEERCRED).
func userOf(connection net.Conn) (int64, error) {
	if wrapped, ok := connection.(interface{ NetConn() net.Conn }); ok {
		connection = wrapped.NetConn()
	}
	unixConnection, ok := connection.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%T is no unix socket", connection)
	}
	raw, err := unixConnection.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(controlErr, err); err != nil {
		return 0, fmt.Errorf("reading SO_PEERCRED: %w", err)
	}
	return int64(credentials.Uid), nil
}

// checkUser returns a problem if the process at the other end has another user than the provider.
func (k *socket) checkUser(ctx context.Context) *localapi.Problem {
	user, isKnown := ctx.Value(userKey{}).(int64)
	if isKnown && user == k.provider.UID {
		return nil
	}
	name := "an unknown user"
	if isKnown {
		name = "user " + strconv.FormatInt(user, 10)
	}
	return localapi.NewProblem(localapi.NotGranted, "the process runs as %s; the socket of provider %s is for user %d",
		name, k.provider.Name, k.provider.UID)
}

// verboseLog logs complaints of net/http at verbosity 1, since a provider can cause them.
type verboseLog struct{ log logr.Logger }

// Write logs a line of net/http.
func (v verboseLog) Write(line []byte) (int, error) {
	v.log.V(1).Info("Serving provider", "problem", string(line))
	return len(line), nil
}
