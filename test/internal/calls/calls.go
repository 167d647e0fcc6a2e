// Package calls has a call for SIPp: a phone calls, and sends sound until it is ended.
package calls

import (
	"bytes"
	_ "embed" // for the scenario
	"errors"
	"os"
	"path/filepath"
)

// Scenario is the name of the file with the phone's part (sipp -sf).
const Scenario = "call.xml"

//go:embed call.xml
var scenario []byte

// silence is a sound of ten seconds, A-law or µ-law.
var silence = bytes.Repeat([]byte{0xff}, 80_000)

// Write writes the scenario and its sound to a folder. SIPp must run there.
func Write(folder string) error {
	return errors.Join(os.WriteFile(filepath.Join(folder, Scenario), scenario, 0o600),
		os.WriteFile(filepath.Join(folder, "sound.raw"), silence, 0o600))
}
