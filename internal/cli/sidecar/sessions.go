package sidecar

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// sessionsFile is how many connections the network namespace tracks.
const sessionsFile = "/proc/sys/net/netfilter/nf_conntrack_count"

func countSessions() (int64, error) {
	text, err := os.ReadFile(sessionsFile)
	if err != nil {
		return 0, fmt.Errorf("counting tracked connections: %w", err)
	}
	count, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("counting tracked connections: %w", err)
	}
	return count, nil
}
