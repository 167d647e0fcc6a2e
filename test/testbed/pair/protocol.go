package pair

import (
	"time"

	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/state"
)

// order is a command from the test to a unit's process, as one line of JSON.
type order struct {
	ID   uint64        `json:"id"`
	Do   string        `json:"do"`
	Role engine.Role   `json:"role,omitempty"`
	Term uint64        `json:"term,omitempty"`
	Wait time.Duration `json:"wait,omitempty"`
	// Open belongs to doFlood. Interval and Count belong to doSendHeartbeats.
	Open     bool          `json:"open,omitempty"`
	Interval time.Duration `json:"interval,omitempty"`
	Count    int           `json:"count,omitempty"`
}

// report is the answer of the process to an order, or an event.
type report struct {
	// ID is that of the answered order, or 0 for an event.
	ID       uint64              `json:"id,omitempty"`
	Error    string              `json:"error,omitempty"`
	Status   *engine.Status      `json:"status,omitempty"`
	Sent     *SentHeartbeats     `json:"sent,omitempty"`
	Received *ReceivedHeartbeats `json:"received,omitempty"`
	Flood    uint64              `json:"flood,omitempty"`
	// Footprint belongs to doMeasure.
	Footprint *Footprint `json:"footprint,omitempty"`
	// Event is the name of an event of the engine. Text is its content.
	Event string `json:"event,omitempty"`
	Text  string `json:"text,omitempty"`
}

// These are the orders.
const (
	doBecome         = "become"
	doFlush          = "flush"
	doCommit         = "commit"
	doRelinquish     = "relinquish"
	doStatus         = "status"
	doAttach         = "attach"
	doWithdraw       = "withdraw"
	doSendHeartbeats = "sendHeartbeats"
	doTakeReceived   = "takeReceived"
	doFlood          = "flood"
	doMeasure        = "measure"
)

// setup configures a unit's process.
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
	// AuditInterval is that of the engine.
	AuditInterval time.Duration `json:"auditInterval,omitempty"`
	// Replicated are the classes besides connection tracking.
	Replicated []state.Class `json:"replicated,omitempty"`
	// ProvidersDirectory is where the unit serves the local API to ProviderName; empty if it does not.
	ProvidersDirectory string `json:"providersDirectory,omitempty"`
	// WithoutProvided leaves the classes of providers out of replication.
	WithoutProvided bool `json:"withoutProvided,omitempty"`
	// LinkLocal adds the virtual link-local address of the LAN.
	LinkLocal bool `json:"linkLocal,omitempty"`
	// HasTunnels is set if the unit has an IKE daemon.
	HasTunnels bool `json:"hasTunnels,omitempty"`
	// SecondWAN adds the interface wan1, and keeps a data plane.
	SecondWAN bool `json:"secondWAN,omitempty"`
	// Gate puts a gate on the router.
	Gate bool `json:"gate,omitempty"`
	// Recording is the file with what the unit gives to the stream; empty if nobody needs it.
	Recording string `json:"recording,omitempty"`
}
