package sidecar

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// connectionsFile holds how many connections the network namespace tracks.
const connectionsFile = "/proc/sys/net/netfilter/nf_conntrack_count"

// countConnections returns how many connections the kernel holds.
func countConnections() (int64, error) {
	text, err := os.ReadFile(connectionsFile)
	if err != nil {
		return 0, fmt.Errorf("counting tracked connections: %w", err)
	}
	count, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("counting tracked connections: %w", err)
	}
	return count, nil
}
