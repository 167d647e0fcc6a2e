package vpn

import (
	"context"
	"errors"

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

// Charon returns the daemon with the keeper of its tunnels.
func Charon(keeper *Keeper) supervisor.Daemon {
	return supervisor.Daemon{
		Name:        "charon",
		Command:     []string{charonProgram},
		Environment: []string{"STRONGSWAN_CONF=" + settingsFile},
		Prepare:     keeper.Prepare,
		Probe:       probe,
		Renew:       keeper.renewals,
		Accompany:   keeper.Run,
		Linger:      keeper.Linger,
		State:       keeper.State,
	}
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
