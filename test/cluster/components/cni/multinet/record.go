package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recordDir is on the node's disk. A record survives a reboot, as containerd's own data does.
const recordDir = "/var/lib/cni/multinet"

func recordPath(container string) string { return filepath.Join(recordDir, container+".json") }

// writeRecord records the attachments of a container atomically, before they are made.
func writeRecord(container string, attachments []attachment) error {
	text, err := json.Marshal(attachments)
	if err != nil {
		return fmt.Errorf("recording the networks of container %s: %w", container, err)
	}
	if err := os.MkdirAll(recordDir, 0o700); err != nil {
		return fmt.Errorf("recording the networks of container %s: %w", container, err)
	}
	temporary := recordPath(container) + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return fmt.Errorf("recording the networks of container %s: %w", container, err)
	}
	return os.Rename(temporary, recordPath(container))
}

// readRecord returns the attachments of a container, or nothing without a record.
func readRecord(container string) ([]attachment, error) {
	text, err := os.ReadFile(recordPath(container))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the networks of container %s: %w", container, err)
	}
	var attachments []attachment
	if err := json.Unmarshal(text, &attachments); err != nil {
		return nil, fmt.Errorf("reading the networks of container %s: %w", container, err)
	}
	return attachments, nil
}

func removeRecord(container string) error {
	if err := os.Remove(recordPath(container)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the record of the networks of container %s: %w", container, err)
	}
	return nil
}
