package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/poll"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// This is the image of pod sandboxes, below the folder of built programs.
const (
	pauseArchive   = "images/pause.tar"
	pauseReference = "images/pause.ref"
)

const (
	containerdTimeout  = 60 * time.Second
	containerdInterval = 50 * time.Millisecond
)

// Load loads image archives into every worker, so that pods need no registry. Every worker must have power: another one
// would lack the image later.
func (c *Cluster) Load(ctx context.Context, archives ...string) error {
	if err := requireRoot(); err != nil {
		return err
	}
	if err := c.requireUp(); err != nil {
		return err
	}
	for _, worker := range layout.Workers() {
		if _, running, err := runningInit(worker.Name); err != nil || !running {
			return errorOr(err, noPower(worker.Name))
		}
	}
	for _, worker := range layout.Workers() {
		for _, archive := range archives {
			if err := c.loadInto(ctx, worker, archive); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) loadInto(ctx context.Context, worker layout.Host, archive string) error {
	if err := awaitContainerd(ctx, worker); err != nil {
		return err
	}
	content, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("loading an image: %w", err)
	}
	defer func() { _ = content.Close() }()
	command := c.Command(ctx, worker.Name, filepath.Join(c.bin, "ctr"),
		"--address="+components.ContainerdSocket, "--namespace=k8s.io", "images", "import", "--local", "-")
	command.Stdin = content
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("loading %s into %s: %w: %s", archive, worker.Name, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// awaitContainerd waits until a worker that has just started accepts images.
func awaitContainerd(ctx context.Context, worker layout.Host) error {
	ctx, cancel := context.WithTimeout(ctx, containerdTimeout)
	defer cancel()
	init, running, err := runningInit(worker.Name)
	if err != nil || !running {
		return errorOr(err, noPower(worker.Name))
	}
	// A socket is found by its path, through any mount of its file system.
	socket := fmt.Sprintf("/proc/%d/root%s", init.PID, components.ContainerdSocket)
	what := fmt.Sprintf("containerd of %s (see logs in %s)", worker.Name, LogDir(worker.Name))
	return poll.Until(ctx, containerdInterval, what, func(context.Context) error {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (c *Cluster) pauseImage() (string, error) {
	reference, err := os.ReadFile(filepath.Join(c.bin, pauseReference))
	if err != nil {
		return "", fmt.Errorf("finding the image of pods' sandboxes (`make images` makes it): %w", err)
	}
	return strings.TrimSpace(string(reference)), nil
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
