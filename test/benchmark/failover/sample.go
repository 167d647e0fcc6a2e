package failover

import (
	"encoding/json"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/calm"
)

// Sample is what one run measured, as it is written to the file of raw figures. Durations are in milliseconds.
type Sample struct {
	Scenario string    `json:"scenario"`
	System   string    `json:"system"`
	Setting  string    `json:"setting"`
	Run      int       `json:"run"`
	At       time.Time `json:"at"`
	// Error says why there are no figures.
	Error string `json:"error,omitempty"`
	// Disturbed counts attempts before this one that were given up because the standby took over, or was lost, before
	// anything had happened.
	Disturbed int `json:"disturbed"`
	// Unsteady says that this one was given up too, and no further was made.
	Unsteady bool `json:"unsteady,omitempty"`

	// UDP, UDP5 and TCP are the longest silences that the client heard after the event: of datagrams each millisecond,
	// each 5 ms, and of a TCP connection that counts each 5 ms. NoiseUDP and NoiseTCP are the same before the event, over
	// NoiseWindow.
	UDP      Milliseconds `json:"udp"`
	UDP5     Milliseconds `json:"udp5"`
	TCP      Milliseconds `json:"tcp"`
	NoiseUDP Milliseconds `json:"noiseUDP"`
	NoiseTCP Milliseconds `json:"noiseTCP"`
	// Missing is how many of the datagrams of each millisecond were lost since the event.
	Missing int `json:"missing"`
	// Lost names the connections that did not go on.
	Lost []string `json:"lost,omitempty"`
	// Resets are the TCP segments seen at client and server that end a connection by force.
	Resets int `json:"resets"`
	// Changes are how often the forwarding router changed. Late are packets that one forwarded after the other had
	// begun, Overlap is for how long.
	Changes int          `json:"changes"`
	Late    int          `json:"late"`
	Overlap Milliseconds `json:"overlap"`
	// Stale is for how long the former active forwarded what was still sent to its MAC address, counted from the
	// first packet of the new one.
	Stale Milliseconds `json:"stale"`
	// Closed is from the last acknowledgement that reached a frozen active to the last packet that it forwarded.
	Closed Milliseconds `json:"closed,omitempty"`
	// WritesPerSecond are those of both units to the API server.
	WritesPerSecond float64 `json:"writesPerSecond,omitempty"`
	// After is the gap of a second event, where there is one.
	After Milliseconds `json:"after,omitempty"`

	// Told is what the system itself reported of the takeover.
	Told json.RawMessage `json:"told,omitempty"`

	// CutTook is how long it took to take all cables out.
	CutTook Milliseconds `json:"cutTook,omitempty"`
	// Connections is how many the secondary had before the event.
	Connections int `json:"connections"`
	// QuietAfter is how long the machine took to become quiet; Quiet is false when it did not.
	QuietAfter Milliseconds `json:"quietAfter"`
	Quiet      bool         `json:"quiet"`
	Load       calm.Load    `json:"load"`
}

// Milliseconds is a duration that JSON has as a number of milliseconds.
type Milliseconds time.Duration

// MarshalJSON writes the number.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return []byte(formatMilliseconds(time.Duration(m))), nil
}
