package transport

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/credentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func name(unit string) string { return credentials.UnitName(unit, "edge", "default") }

func authority(t *testing.T) credentials.KeyPair {
	t.Helper()
	pair, err := credentials.NewAuthority(credentials.Domain("edge", "default"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// write writes the files of a unit's TLS directory.
func write(t *testing.T, directory string, authority credentials.KeyPair, unit string) {
	t.Helper()
	pair, err := credentials.Issue(authority, name(unit), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{
		certificateFile: pair.Certificate, keyFile: pair.Key, authorityFile: authority.Certificate,
	} {
		if err := os.WriteFile(filepath.Join(directory, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func directory(t *testing.T, authority credentials.KeyPair, unit string) string {
	t.Helper()
	d := t.TempDir()
	write(t, d, authority, unit)
	return d
}

// meet connects two ends, and returns the error of each.
func meet(t *testing.T, server, client Source) (serverErr, clientErr error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), handshakeTimeout)
	defer cancel()
	listener, err := TCP{}.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	done := make(chan error, 1)
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			connection, err = Accept(ctx, connection, server)
		}
		if err == nil {
			err = connection.Close()
		}
		done <- err
	}()
	connection, err := TCP{}.Dial(ctx, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if connection, clientErr = Connect(ctx, connection, client); clientErr == nil {
		// In TLS 1.3 the client learns only by reading whether the server accepted it.
		_ = connection.SetReadDeadline(time.Now().Add(handshakeTimeout))
		if _, err := connection.Read(make([]byte, 1)); !isEnd(err) {
			clientErr = err
		}
		_ = connection.Close()
	}
	return <-done, clientErr
}

func isEnd(err error) bool { return err != nil && err.Error() == "EOF" }

func TestUnitsOfAPairConnect(t *testing.T) {
	ca := authority(t)
	server := Credentials(directory(t, ca, "primary"), name("secondary"))
	client := Credentials(directory(t, ca, "secondary"), name("primary"))
	serverErr, clientErr := meet(t, server, client)
	if serverErr != nil || clientErr != nil {
		t.Errorf("got %v and %v", serverErr, clientErr)
	}
}

func TestOtherPeersAreRefused(t *testing.T) {
	ca := authority(t)
	primary, secondary := directory(t, ca, "primary"), directory(t, ca, "secondary")
	server := Credentials(primary, name("secondary"))
	old := func() (*tls.Config, error) {
		config, err := Credentials(secondary, name("primary"))()
		config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		return config, err
	}
	nameless := func() (*tls.Config, error) {
		config, err := Credentials(secondary, name("primary"))()
		config.Certificates = nil
		return config, err
	}
	for what, c := range map[string]struct{ server, client Source }{
		"a client of another authority": {server, Credentials(directory(t, authority(t), "secondary"), name("primary"))},
		"a client of the server's unit": {server, Credentials(primary, name("primary"))},
		"a client of another pair":      {server, Credentials(directory(t, ca, "tertiary"), name("primary"))},
		"a client without certificate":  {server, nameless},
		"a client of TLS 1.2":           {server, old},
		"a server of another unit":      {Credentials(secondary, name("secondary")), Credentials(secondary, name("primary"))},
	} {
		if serverErr, clientErr := meet(t, c.server, c.client); serverErr == nil || clientErr == nil {
			t.Errorf("%s was accepted: %v and %v", what, serverErr, clientErr)
		}
	}
}

func TestRenewedCertificatesNeedNoRestart(t *testing.T) {
	first, second := authority(t), authority(t)
	primary, secondary := directory(t, first, "primary"), directory(t, first, "secondary")
	server, client := Credentials(primary, name("secondary")), Credentials(secondary, name("primary"))
	if serverErr, clientErr := meet(t, server, client); serverErr != nil || clientErr != nil {
		t.Fatalf("got %v and %v", serverErr, clientErr)
	}
	write(t, primary, second, "primary")
	if serverErr, clientErr := meet(t, server, client); serverErr == nil || clientErr == nil {
		t.Error("a unit of the new authority accepted one of the old")
	}
	write(t, secondary, second, "secondary")
	if serverErr, clientErr := meet(t, server, client); serverErr != nil || clientErr != nil {
		t.Errorf("got %v and %v", serverErr, clientErr)
	}
}

func TestErrorNamesTheMissingFile(t *testing.T) {
	ca := authority(t)
	for _, file := range []string{certificateFile, keyFile, authorityFile} {
		d := directory(t, ca, "primary")
		if err := os.Remove(filepath.Join(d, file)); err != nil {
			t.Fatal(err)
		}
		if _, err := Credentials(d, name("secondary"))(); err == nil {
			t.Errorf("no error for the missing %s", file)
		}
	}
}

func TestSilentPeerTimesOut(t *testing.T) {
	ca := authority(t)
	mine, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Accept(ctx, mine, Credentials(directory(t, ca, "primary"), name("secondary"))); err == nil {
		t.Error("a handshake with a silent peer succeeded")
	}
}
