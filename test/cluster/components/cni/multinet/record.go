package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recordDir is on the node's disk: a record outlives the node's power, as what containerd knows of its pods does.
const recordDir = "/var/lib/cni/multinet"

func recordPath(container string) string { return filepath.Join(recordDir, container+".json") }

// writeRecord notes what is about to be done for a container. It appears whole or not at all.
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

// readRecord returns nothing for a container that has no record.
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
		return fmt.Errorf("forgetting the networks of container %s: %w", container, err)
	}
	return nil
}
