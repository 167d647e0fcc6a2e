package vpn

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/mounted"
	"github.com/hapair-io/hapair/internal/supervisor"
)

// written are the settings in charon's file. Its methods may be called at once.
type written struct {
	file string

	mu       sync.Mutex
	settings Settings
}

// write writes settings, which charon reads at its start and when it is told to.
func (w *written) write(s Settings) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := os.WriteFile(w.file, []byte(s.String()), 0o600); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	w.settings = s
	return nil
}

func (w *written) now() Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings
}

// Prepare prepares a start of charon. It writes the settings, and removes the process file of a charon that was killed.
// A charon that finds the ID of a living process in it does not start.
func (k *Keeper) Prepare() error {
	k.restarted()
	s := k.written.now()
	s.ESP = k.config.ESP
	present := mounted.Files{DocumentFile: k.config.DocumentFile}
	// Without a valid document the last settings stay. The keeper reports what is wrong.
	if err := present.Read(time.Now()); err == nil && present.Document().VPN.IsEnabled() {
		s = settingsFor(k.config.ESP, present.Document().VPN.RemoteAccess)
	}
	if err := k.written.write(s); err != nil {
		return err
	}
	return supervisor.RemoveLeftovers(processFile, controlSocket)
}

func settingsFor(esp ESP, r document.RemoteAccess) Settings {
	return Settings{ESP: esp, Pools: r.Pools, DNSServers: r.DNSServers}
}

// keepSettings makes charon have the pools and the DNS servers of the document. It reports whether charon must be
// started again for that, since it reads pools only at its start.
func (k *Keeper) keepSettings(ctx context.Context) (mustRestart bool, err error) {
	present, wanted := k.written.now(), settingsFor(k.config.ESP, k.wanted().RemoteAccess)
	for _, p := range wanted.Pools {
		if !slices.Contains(present.Pools, p) {
			k.renew()
			return true, nil
		}
	}
	if !slices.Equal(present.DNSServers, wanted.DNSServers) {
		wanted.Pools = present.Pools // Those that are unused do no harm.
		if err := k.written.write(wanted); err != nil {
			return false, err
		}
		k.mustReload = true
	}
	if !k.mustReload {
		return false, nil
	}
	refusal, err := k.session.call(ctx, "reload-settings", struct{}{})
	if refusal != "" {
		err = fmt.Errorf("charon refuses its settings: %s", refusal)
	}
	k.mustReload = err != nil
	return false, err
}

// renew makes the supervisor replace charon, once for each start.
func (k *Keeper) renew() {
	if k.isRenewed {
		return
	}
	k.isRenewed = true
	k.config.Log.Info("Replacing the daemon, since it reads pools only at its start")
	select {
	case k.renewals <- "other pools":
	default:
	}
}
