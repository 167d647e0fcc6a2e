package firewall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

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

// countsInterval is the interval at which the counts of the application gateways are written.
const countsInterval = 5 * time.Second

// writeCounts writes the counts of the application gateways until ctx ends, whenever they have changed.
func (f *Firewall) writeCounts(ctx context.Context) {
	if f.config.GatewayCountsFile == "" {
		return
	}
	ticker := time.NewTicker(countsInterval)
	defer ticker.Stop()
	var written []byte
	for {
		data, err := f.gateways.Counts().Encode()
		if err == nil && !bytes.Equal(data, written) {
			err = replaceFile(f.config.GatewayCountsFile, data)
			written = data
		}
		if err != nil {
			f.config.Log.Error(err, "Writing the counts of application gateways")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
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
