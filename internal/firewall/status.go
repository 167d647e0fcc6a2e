package firewall

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hapair-io/hapair/internal/contract"
)

// writeStatus replaces the file by rename, so that nobody reads a part of it.
func writeStatus(path string, status contract.FirewallStatus) error {
	data, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encoding the status: %w", err)
	}
	next := path + ".next"
	// Readable by everyone: the sidecar may run as another user.
	if err := os.WriteFile(next, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(fmt.Errorf("writing the status: %w", err), os.Remove(next))
	}
	return nil
}
