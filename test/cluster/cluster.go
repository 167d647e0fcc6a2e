package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// Names of hosts. The first three are nodes, of which the last two run pods.
const (
	ControlPlane = layout.ControlPlane
	Worker1      = layout.Worker1
	Worker2      = layout.Worker2
	Client       = layout.Client
	Server       = layout.Server
)

// BinVariable names the environment variable that says where the built programs are, if not in bin/ of the repository.
const BinVariable = "HAPAIR_BIN"

const (
	// stateDir holds disks, keys and logs of the nodes. There is one cluster a machine: its namespaces have fixed names.
	stateDir = "/var/lib/hapair-cluster"
	// rootGroup is the control group that every process of the cluster is in.
	rootGroup = "hapair-cluster"
	// guestGroup is that of commands that people and tests run in hosts.
	guestGroup = rootGroup + "/guests"
	// consoleAddress is where the machine finds the API server.
	consoleAddress = "127.0.0.1:16443"
)

// ErrNotUp is returned by what needs a cluster when there is none.
var ErrNotUp = errors.New("the cluster is not up: start it with `cluster up`")

// Progress is told of each step of long work, in the -ing form.
type Progress func(format string, args ...any)

// Cluster is the machine's test cluster, up or not.
type Cluster struct {
	bin string
}

// Open finds the programs of the cluster: where HAPAIR_BIN says, or in bin/ of the repository that the working
// directory is in. It does not look whether they are there, nor whether the cluster is up.
func Open() (*Cluster, error) {
	if bin := os.Getenv(BinVariable); bin != "" {
		return At(bin)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the repository: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "cluster", "doc.go")); err == nil {
			return At(filepath.Join(dir, "bin"))
		}
		if dir == "/" {
			return nil, fmt.Errorf("the working directory is not in the repository: go there, or set %s to the folder "+
				"of the built programs", BinVariable)
		}
	}
}

// At is the cluster whose programs are in the folder bin.
func At(bin string) (*Cluster, error) {
	absolute, err := filepath.Abs(bin)
	if err != nil {
		return nil, fmt.Errorf("finding the built programs: %w", err)
	}
	return &Cluster{bin: absolute}, nil
}

// Bin is the folder of the built programs.
func (c *Cluster) Bin() string { return c.bin }

// requireUp is the first step of what needs a cluster.
func (c *Cluster) requireUp() error {
	if !namespace.Exists(layout.SwitchNamespace) {
		return ErrNotUp
	}
	return nil
}

func (c *Cluster) paths() components.Paths {
	return components.Paths{Bin: c.bin, Keys: filepath.Join(stateDir, "keys")}
}

// Folders of a node.
func nodeDir(node string) string   { return filepath.Join(stateDir, "nodes", node) }
func diskDir(node string) string   { return filepath.Join(nodeDir(node), "disk") }
func configDir(node string) string { return filepath.Join(nodeDir(node), "config") }

// LogDir is the folder of a node's logs: one of PID 1, init.log, and one of each program. They outlive a power cut.
func LogDir(node string) string { return filepath.Join(nodeDir(node), "logs") }
