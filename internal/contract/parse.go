package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hapair-io/hapair/internal/state"
)

// Parse decodes and validates settings. It ignores fields and classes that this release does not know, and takes the
// default for a field that the document lacks: the operator may be of a later or an earlier release.
func Parse(document []byte) (Settings, error) {
	s := Settings{Failover: DefaultFailover(), Sync: defaultSync()}
	if err := decode(document, &s); err != nil {
		return Settings{}, fmt.Errorf("decoding sidecar settings: %w", err)
	}
	s.Failover = s.Derived()
	s.Sync.Classes = slices.DeleteFunc(s.Sync.Classes, func(c SyncClass) bool { return !isKnown(c.Name) })
	return s, s.Validate()
}

// isKnown reports whether this release has a class of that name.
func isKnown(class string) bool {
	_, ok := state.Classes().Named(class)
	return ok
}

// decode reads one document, and rejects anything that follows it.
func decode(document []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}
