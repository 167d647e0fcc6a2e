package firewall

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// acceptedName is the name of the file that keeps the last document that was in force, next to the report.
const acceptedName = "firewall-accepted.json"

func (f *Firewall) acceptedFile() string {
	return filepath.Join(filepath.Dir(f.config.StatusFile), acceptedName)
}

// remember keeps the text of the document in force for the next process. With it, a restarted firewall can restore the
// rules even if a newer document was refused.
func (f *Firewall) remember(text []byte) {
	if err := replaceFile(f.acceptedFile(), text); err != nil {
		f.config.Log.Error(err, "Keeping the document in force; after a restart its rules cannot be restored")
	}
}

// recall enforces the last document that was in force, if there is one, until a newer one is read.
func (f *Firewall) recall() error {
	if _, err := os.Stat(f.acceptedFile()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text, err := readDocument(f.acceptedFile())
	if err != nil {
		return err
	}
	parsed, err := document.Parse(text)
	if err != nil {
		return fmt.Errorf("reading the last document in force: %w", err)
	}
	return f.apply(parsed, text)
}
