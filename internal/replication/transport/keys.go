package transport

import (
	"fmt"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Labels and contexts of exported keys (RFC 5705 section 4, RFC 8446 section 7.5). Both units must use the same.
const (
	heartbeatLabel = "EXPERIMENTAL hapair heartbeat"
	contextID      = "id"
	contextClient  = "client to server"
	contextServer  = "server to client"
)

// HeartbeatKeys returns the keys that seal heartbeats. Only the two ends of this connection know them. Each call
// returns the same keys, and each connection has different ones. They outlive the connection.
func (c *Connection) HeartbeatKeys() (seal.Keys, error) {
	var k seal.Keys
	mine, theirs := contextServer, contextClient
	if c.client {
		mine, theirs = theirs, mine
	}
	state := c.ConnectionState()
	for context, key := range map[string][]byte{contextID: k.ID[:], mine: k.Send[:], theirs: k.Receive[:]} {
		exported, err := state.ExportKeyingMaterial(heartbeatLabel, []byte(context), len(key))
		if err != nil {
			return seal.Keys{}, fmt.Errorf("exporting keys for heartbeats: %w", err)
		}
		copy(key, exported)
	}
	return k, nil
}
