package vpn

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

// files are the firewall's document and the entries of the Secret. One goroutine uses it.
type files struct {
	document, secret string

	// seen is the hash of the document that was parsed last.
	seen    [sha256.Size]byte
	vpn     document.VPN
	entries map[string][]byte
	// readAt is when the files were read last, and fault what was wrong then.
	readAt time.Time
	fault  error
}

// read reads what has changed. After an error the last valid content stays. Within keepInterval it reads nothing and
// returns the same again: looks are more frequent while the unit takes over tunnels.
func (f *files) read(now time.Time) error {
	if !f.readAt.IsZero() && now.Sub(f.readAt) < keepInterval {
		return f.fault
	}
	f.readAt = now
	entries, err := readSecret(f.secret)
	if err == nil {
		f.entries = entries
	}
	f.fault = errors.Join(err, f.readDocument())
	return f.fault
}

func (f *files) readDocument() error {
	text, err := bounded.ReadFile(f.document, document.MaxBytes)
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
	f.seen, f.vpn = hash, parsed.VPN
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
