package frr

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/internal/frr/configuration"
	"github.com/hapair-io/hapair/internal/supervisor"
)

// restartFiles returns what the daemons of OSPF read at their start, in the directory of their state. With such a file,
// a daemon tells its neighbours that it has been restarted (RFC 3623, section 5). They then keep their routes to the
// pair while it learns its routes again, although it is another machine.
func restartFiles() []string {
	return []string{filepath.Join(state, "ospfd.json"), filepath.Join(state, "ospf6d.json")}
}

// announceRestart makes the next start of the daemons of OSPF a restart. It must be one only if the unit has the routes
// of its predecessor: the neighbours continue to send packets.
func announceRestart(hasRoutes bool) error {
	if !hasRoutes {
		return supervisor.RemoveLeftovers(restartFiles()...)
	}
	text := fmt.Appendf(nil, `{"instances":{"default":{"gracePeriod":%d}}}`, configuration.GraceSeconds)
	for _, file := range restartFiles() {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return fmt.Errorf("announcing a restart: %w", err)
		}
	}
	return nil
}
