package failover

import (
	"encoding/json"
	"time"

	"github.com/hapair-io/hapair/test/internal/cpuload"
)

// Sample holds the figures of one run, as in the file of raw figures. Durations are in milliseconds.
type Sample struct {
	Scenario string    `json:"scenario"`
	System   string    `json:"system"`
	Setting  string    `json:"setting"`
	Run      int       `json:"run"`
	At       time.Time `json:"at"`
	// Error is the reason why there are no figures.
	Error string `json:"error,omitempty"`
	// Disturbed counts earlier attempts of this run. They were abandoned because the standby took over, or was lost,
	// before the event.
	Disturbed int `json:"disturbed"`
	// Unsteady is set if this attempt was abandoned too, and was the last one.
	Unsteady bool `json:"unsteady,omitempty"`

	// UDP, UDP5 and TCP are the longest gaps after the event, as the client saw them: of datagrams each millisecond, of
	// datagrams each 5 ms, and of a TCP connection with a message each 5 ms. NoiseUDP and NoiseTCP are the longest gaps
	// in the NoiseWindow before the event.
	UDP      Milliseconds `json:"udp"`
	UDP5     Milliseconds `json:"udp5"`
	TCP      Milliseconds `json:"tcp"`
	NoiseUDP Milliseconds `json:"noiseUDP"`
	NoiseTCP Milliseconds `json:"noiseTCP"`
	// Missing is the number of lost datagrams of each millisecond since the event.
	Missing int `json:"missing"`
	// Lost names the connections that did not survive.
	Lost []string `json:"lost,omitempty"`
	// Resets is the number of TCP resets at client and server.
	Resets int `json:"resets"`
	// Changes is how often the forwarding router changed. Late is the number of packets that one router forwarded after
	// the other had begun, and Overlap is the time between them.
	Changes int          `json:"changes"`
	Late    int          `json:"late"`
	Overlap Milliseconds `json:"overlap"`
	// Stale is how long the former active forwarded packets that were still sent to its MAC address, counted from the
	// first packet of the new active.
	Stale Milliseconds `json:"stale"`
	// Closed is the time from the last acknowledgement at a frozen active to its last forwarded packet.
	Closed Milliseconds `json:"closed,omitempty"`
	// WritesPerSecond is the rate of both units' writes to the API server.
	WritesPerSecond float64 `json:"writesPerSecond,omitempty"`
	// After is the gap of a second event, if there is one.
	After Milliseconds `json:"after,omitempty"`

	// Report is the system's own report of the takeover.
	Report json.RawMessage `json:"report,omitempty"`

	// CutTook is how long it took to cut all cables.
	CutTook Milliseconds `json:"cutTook,omitempty"`
	// Connections is the number of connections that the secondary had before the event.
	Connections int `json:"connections"`
	// QuietAfter is how long the machine took to become quiet. Quiet is false if it did not.
	QuietAfter Milliseconds `json:"quietAfter"`
	Quiet      bool         `json:"quiet"`
	Load       cpuload.Load `json:"load"`
}

// Milliseconds is a duration that JSON represents as a number of milliseconds.
type Milliseconds time.Duration

// MarshalJSON returns the number of milliseconds.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return []byte(formatMilliseconds(time.Duration(m))), nil
}
