package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
)

// Spec configures a node's PID 1.
type Spec struct {
	Hostname    string             `json:"hostname"`
	Hierarchies []cgroup.Hierarchy `json:"hierarchies"`
	Group       string             `json:"group"` // the node's control group
	State       string             `json:"state"` // the cluster's folder of state, seen by the node at the same place
	Disk        string             `json:"disk"`  // the node's disk: a folder that outlives the node's power
	Logs        string             `json:"logs"`  // folder of the programs' logs
	Path        string             `json:"path"`  // PATH of the programs
	Programs    []Program          `json:"programs"`
	Relay       string             `json:"relay,omitempty"` // address to which connections to the console are passed on
}

// Program is a program that a node keeps running.
type Program struct {
	Name string    `json:"name"` // also what it is called by
	Path string    `json:"path"`
	Args []string  `json:"args"`
	When Condition `json:"when"`
}

// Condition is what a program waits for before its first start. The zero Condition always holds.
type Condition struct {
	Socket    string `json:"socket,omitempty"`    // a unix socket that takes connections
	URL       string `json:"url,omitempty"`       // an address that answers 200
	Authority string `json:"authority,omitempty"` // file with the authority of the server's certificate
}

// These are the files that PID 1 finds open when it starts.
const (
	// PermitFile is the end of a pipe. One byte confirms that the node is recorded and may continue. Without it the parent
	// was killed in between, and no later command would find the node to end it.
	PermitFile = 3
	// ConsoleFile is the console's listening socket, if the Spec has a Relay.
	ConsoleFile = 4
)

func readSpec(path string) (Spec, error) {
	var spec Spec
	text, err := os.ReadFile(path)
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return spec, fmt.Errorf("reading %s: %w", path, err)
	}
	if spec.Hostname == "" || spec.Disk == "" {
		return spec, fmt.Errorf("reading %s: %w", path, errors.New("it must name a node and a disk"))
	}
	return spec, nil
}
