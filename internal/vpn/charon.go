package vpn

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	charonProgram = "/usr/lib/ipsec/charon"
	// settingsFile is where charon finds its settings.
	settingsFile = "/run/strongswan.conf"
	// controlSocket and processFile are charon's built-in paths.
	controlSocket = "/run/charon.vici"
	processFile   = "/run/charon.pid"
)

// Charon returns the daemon with the settings, and with the keeper of its tunnels.
func Charon(s Settings, keeper *Keeper) supervisor.Daemon {
	return supervisor.Daemon{
		Name:        "charon",
		Command:     []string{charonProgram},
		Environment: []string{"STRONGSWAN_CONF=" + settingsFile},
		Prepare: func() error {
			keeper.Restarted()
			return prepare(s)
		},
		Probe:     probe,
		Accompany: keeper.Run,
		Linger:    keeper.Linger,
		State:     keeper.State,
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
	s, err := connect(ctx)
	if err != nil {
		return err
	}
	_, err = s.call(ctx, "version", struct{}{})
	return errors.Join(err, s.close())
}
