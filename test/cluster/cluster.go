package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// These are the names of hosts. The first three are nodes, and two of them are workers.
const (
	ControlPlane = layout.ControlPlane
	Worker1      = layout.Worker1
	Worker2      = layout.Worker2
	Router       = layout.Router
	ISP          = layout.ISP
	Client       = layout.Client
	Server       = layout.Server
)

// BinVariable names the environment variable with the folder of the built programs. The default is bin/ of the
// repository.
const BinVariable = "HAPAIR_BIN"

const (
	// stateDir holds disks, keys and logs of the nodes. There is one cluster per machine, because its namespaces have
	// fixed names.
	stateDir = "/var/lib/hapair-cluster"
	// rootGroup is the control group of every process of the cluster.
	rootGroup = "hapair-cluster"
	// guestGroup is the control group of commands that people and tests run in hosts.
	guestGroup = rootGroup + "/guests"
)

// ErrNotUp is returned by operations that need a cluster when it is not up.
var ErrNotUp = errors.New("the cluster is not up: start it with `cluster up`")

// Progress receives a message in the -ing form at each step of long work.
type Progress func(format string, args ...any)

// ProgressTo returns a function that prints each step with the seconds since the beginning.
func ProgressTo(w io.Writer) Progress {
	began := time.Now()
	return func(format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%6.1f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// Cluster is the machine's test cluster, up or not.
type Cluster struct {
	bin string
}

// Open returns the cluster with the programs in HAPAIR_BIN, or in bin/ of the repository of the working directory. It
// does not check whether the programs exist or the cluster is up.
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

// At returns the cluster whose programs are in the folder bin.
func At(bin string) (*Cluster, error) {
	absolute, err := filepath.Abs(bin)
	if err != nil {
		return nil, fmt.Errorf("finding the built programs: %w", err)
	}
	return &Cluster{bin: absolute}, nil
}

// Bin returns the folder of the built programs.
func (c *Cluster) Bin() string { return c.bin }

// requireUp returns ErrNotUp unless the cluster is up.
func (c *Cluster) requireUp() error {
	if !namespace.Exists(layout.SwitchNamespace) {
		return ErrNotUp
	}
	return nil
}

func (c *Cluster) paths() components.Paths {
	return components.Paths{Bin: c.bin, Keys: filepath.Join(stateDir, "keys")}
}

// nodeDir returns the folder of a node.
func nodeDir(node string) string   { return filepath.Join(stateDir, "nodes", node) }
func diskDir(node string) string   { return filepath.Join(nodeDir(node), "disk") }
func configDir(node string) string { return filepath.Join(nodeDir(node), "config") }

// LogDir returns the folder of a node's logs: init.log of PID 1, and one for each program. They survive a power cut.
func LogDir(node string) string { return filepath.Join(nodeDir(node), "logs") }
