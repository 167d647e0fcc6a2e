package pair

import (
	"time"

	"github.com/hapair-io/hapair/internal/replication/engine"
)

// Order is what a test tells a unit's process to do, as one line of JSON.
type order struct {
	ID   uint64        `json:"id"`
	Do   string        `json:"do"`
	Role engine.Role   `json:"role,omitempty"`
	Term uint64        `json:"term,omitempty"`
	Wait time.Duration `json:"wait,omitempty"`
	// Open is of doFlood, Interval and Count are of doBeat.
	Open     bool          `json:"open,omitempty"`
	Interval time.Duration `json:"interval,omitempty"`
	Count    int           `json:"count,omitempty"`
}

// report is what the process answers, or tells unasked.
type report struct {
	// ID is of the order that is answered; 0 for what is told unasked.
	ID     uint64         `json:"id,omitempty"`
	Error  string         `json:"error,omitempty"`
	Status *engine.Status `json:"status,omitempty"`
	Beats  *Beats         `json:"beats,omitempty"`
	Heard  *Heard         `json:"heard,omitempty"`
	Flood  uint64         `json:"flood,omitempty"`
	// Footprint is of doMeasure.
	Footprint *Footprint `json:"footprint,omitempty"`
	// Event is the name of an engine's event, and Text all of it.
	Event string `json:"event,omitempty"`
	Text  string `json:"text,omitempty"`
}

// The orders.
const (
	doBecome     = "become"
	doFlush      = "flush"
	doCommit     = "commit"
	doRelinquish = "relinquish"
	doStatus     = "status"
	doAttach     = "attach"
	doWithdraw   = "withdraw"
	doBeat       = "beat"
	doHear       = "hear"
	doFlood      = "flood"
	doMeasure    = "measure"
)

// setup is what a unit's process is started with.
type setup struct {
	Unit             string `json:"unit"`
	Peer             string `json:"peer"`
	Incarnation      string `json:"incarnation"`
	ListenAddress    string `json:"listenAddress,omitempty"`
	PeerAddress      string `json:"peerAddress"`
	TLSDirectory     string `json:"tlsDirectory"`
	Replicate        bool   `json:"replicate"`
	RecordsPerSecond int    `json:"recordsPerSecond,omitempty"`
	BytesPerSecond   int    `json:"bytesPerSecond,omitempty"`
	Flood            int    `json:"flood,omitempty"`
}
