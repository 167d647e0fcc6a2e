// Package mounted reads what is mounted into the container of a foreign daemon: the firewall's document, and the
// entries of a Secret. Both change while the container runs.
package mounted

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Bounds of the Secret, as the API server has them.
const (
	maxSecretEntries = 1024
	maxSecretBytes   = 1 << 20
)

// Interval is the least time between two reads.
const Interval = 500 * time.Millisecond

// Files are the firewall's document and the entries of a Secret. One goroutine uses them.
type Files struct {
	// DocumentFile is the path of the document, and SecretDirectory has one file for each entry of the Secret.
	DocumentFile, SecretDirectory string

	// seen is the hash of the document that was parsed last.
	seen     [sha256.Size]byte
	document document.Document
	entries  map[string][]byte
	// readAt is when the files were read last, and fault what was wrong then.
	readAt time.Time
	fault  error
}

// Document returns the last valid document.
func (f *Files) Document() document.Document { return f.document }

// Entries returns the entries of the Secret.
func (f *Files) Entries() map[string][]byte { return f.entries }

// HasDocument reports whether there was a valid document.
func (f *Files) HasDocument() bool { return f.seen != [sha256.Size]byte{} }

// Read reads what has changed. After an error the last valid content stays. Within Interval it reads nothing and
// returns the same again, so that frequent looks are cheap.
func (f *Files) Read(now time.Time) error {
	if !f.readAt.IsZero() && now.Sub(f.readAt) < Interval {
		return f.fault
	}
	f.readAt = now
	entries, err := readSecret(f.SecretDirectory)
	if err == nil {
		f.entries = entries
	}
	f.fault = errors.Join(err, f.readDocument())
	return f.fault
}

func (f *Files) readDocument() error {
	text, err := bounded.ReadFile(f.DocumentFile, document.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The sidecar delivers it once it runs.
	}
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	hash := sha256.Sum256(text)
	if hash == f.seen {
		return nil
	}
	parsed, err := document.Parse(text)
	if err != nil {
		return fmt.Errorf("the document is refused: %w", err)
	}
	f.seen, f.document = hash, parsed
	return nil
}

// readSecret reads the entries of a mounted Secret. Names that begin with two dots are the kubelet's own.
func readSecret(directory string) (map[string][]byte, error) {
	list, err := os.ReadDir(directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // Without the Secret, the directory is empty or absent.
		return nil, fmt.Errorf("reading the Secret: %w", err)
	}
	entries := map[string][]byte{}
	for _, entry := range list {
		if strings.HasPrefix(entry.Name(), "..") || len(entries) == maxSecretEntries {
			continue
		}
		value, err := bounded.ReadFile(filepath.Join(directory, entry.Name()), maxSecretBytes)
		if err != nil {
			return nil, fmt.Errorf("reading the Secret: %w", err)
		}
		entries[entry.Name()] = value
	}
	return entries, nil
}
