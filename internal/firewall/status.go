package firewall

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hapair-io/hapair/internal/contract"
)

// writeStatus replaces the report.
func writeStatus(path string, status contract.FirewallStatus) error {
	data, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encoding the status: %w", err)
	}
	if err := replaceFile(path, append(data, '\n')); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}

// replaceFile replaces a file by rename, so that nobody reads a part of it.
func replaceFile(path string, data []byte) error {
	next := path + ".next"
	// Readable by everyone: the sidecar may run as another user.
	if err := os.WriteFile(next, data, 0o644); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return nil
}
