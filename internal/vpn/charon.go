package vpn

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/strongswan/govici/vici"

	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	charonProgram = "/usr/lib/ipsec/charon"
	// settingsFile is where the link /etc/strongswan.conf of the image points.
	settingsFile = "/run/strongswan.conf"
	// controlSocket and processFile are charon's built-in paths.
	controlSocket = "/run/charon.vici"
	processFile   = "/run/charon.pid"
)

// Charon returns the daemon with the settings.
func Charon(s Settings) supervisor.Daemon {
	return supervisor.Daemon{
		Name:    "charon",
		Command: []string{charonProgram},
		Prepare: func() error { return prepare(s) },
		Probe:   probe,
	}
}

// prepare writes the settings, and removes the process file of a charon that was killed. A charon that finds the ID of
// a living process in it does not start.
func prepare(s Settings) error {
	if err := os.WriteFile(settingsFile, []byte(s.String()), 0o600); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	return supervisor.RemoveLeftovers(processFile, controlSocket)
}

// probe asks charon for its version. The answer comes from a worker thread, as the handling of IKE messages does.
func probe(ctx context.Context) error {
	session, err := vici.NewSession(vici.WithAddr("unix", controlSocket), vici.WithDialContext(
		func(_ context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		}))
	if err != nil {
		return fmt.Errorf("connecting to charon: %w", err)
	}
	_, err = session.Call(ctx, "version", nil)
	if closeErr := session.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("asking charon for its version: %w", err)
	}
	return nil
}
