// Package counts counts what the application gateways did with the messages that announce connections. The firewall
// counts and writes a file. The sidecar reads the file, and package report makes metrics of it.
package counts

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
)

// Result is what became of a message that announces connections.
type Result uint8

// The results. docs/metrics.md has the meaning of each.
const (
	// Announced is a message whose connections may pass.
	Announced Result = iota
	// Untranslated is one that passed with an address that its receiver does not know.
	Untranslated
	// BadAddress and BadPort are refused messages with addresses or ports that may not be announced.
	BadAddress
	BadPort
	// InUse is a refused message with ports that another client has.
	InUse
	// Split is a refused message of which the receiver had a part.
	Split
	// NoRoom is a refused message whose length the kernel does not let change.
	NoRoom
	// Failed is a refused message whose connections the kernel did not take.
	Failed
	results
)

func names() [results]string {
	return [results]string{
		"Announced", "Untranslated", "BadAddress", "BadPort", "InUse", "Split", "NoRoom", "Failed",
	}
}

func (r Result) String() string { return names()[r] }

// Counter counts the messages of one gateway. The zero counter is ready. It is safe for concurrent use.
type Counter struct{ values [results]atomic.Uint64 }

// Add adds a message.
func (c *Counter) Add(r Result) { c.values[r].Add(1) }

// Counts are numbers of messages, by gateway and result. Results without messages may be missing.
type Counts map[string]map[string]uint64

// Read returns the counts of a counter by result.
func (c *Counter) Read() map[string]uint64 {
	read := map[string]uint64{}
	for r := range results {
		if n := c.values[r].Load(); n > 0 {
			read[r.String()] = n
		}
	}
	return read
}

// Encode returns the file with counts.
func (c Counts) Encode() ([]byte, error) { return json.Marshal(c) }

// decode returns the counts in a file. It leaves out results that this release does not know.
func decode(data []byte) (c Counts, err error) {
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("decoding the counts of application gateways: %w", err)
	}
	known := names()
	for _, results := range c {
		for name := range results {
			if !slices.Contains(known[:], name) {
				delete(results, name)
			}
		}
	}
	return c, nil
}
