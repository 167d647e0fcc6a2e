package transport

import (
	"fmt"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// What keys are exported for (RFC 5705 section 4, RFC 8446 section 7.5). Both units must say the same.
const (
	heartbeatLabel = "EXPERIMENTAL hapair heartbeat"
	contextID      = "id"
	contextClient  = "client to server"
	contextServer  = "server to client"
)

// HeartbeatKeys are keys for heartbeats, which both ends of this connection and nobody else can know. They are the same
// each time, and others than those of any other connection. They outlive the connection.
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
