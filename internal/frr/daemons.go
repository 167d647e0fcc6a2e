package frr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	programs = "/usr/lib/frr"
	// configuration is where the link /etc/frr of the image points, and state where /var/lib/frr does.
	configuration = "/run/frr-configuration"
	state         = "/run/frr-state"
	// sockets has the process files and sockets of the daemons.
	sockets = "/run/frr"
	// netlinkBuffer is the receive buffer of zebra, as in FRR's own service.
	netlinkBuffer = "90000000"
)

// Daemons returns mgmtd, zebra, and the daemons of the protocols.
func Daemons(protocols []string) ([]supervisor.Daemon, error) {
	names, err := daemonsOf(protocols)
	if err != nil {
		return nil, err
	}
	var daemons []supervisor.Daemon
	for _, name := range names {
		daemons = append(daemons, supervisor.Daemon{
			Name:    name,
			Command: command(name),
			Prepare: func() error { return prepare(name) },
			Probe:   func(ctx context.Context) error { return probe(ctx, socketOf(name)) },
		})
	}
	return daemons, nil
}

// command returns the command of a daemon. No daemon listens on a TCP port for its terminal.
func command(name string) []string {
	c := []string{filepath.Join(programs, name), "--user", "root", "--group", "root", "--vty_port", "0", "--log", "stdout"}
	if name == "zebra" {
		c = append(c, "--nl-bufsize", netlinkBuffer)
	}
	return c
}

func socketOf(name string) string { return filepath.Join(sockets, name+".vty") }

// prepare makes the directories, and an empty configuration unless there is one. It removes the socket of a daemon that
// was killed, so that a probe does not find it.
func prepare(name string) error {
	for _, dir := range []string{configuration, state, sockets} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, file := range []string{name, "vtysh"} {
		f, err := os.OpenFile(filepath.Join(configuration, file+".conf"), os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			return fmt.Errorf("making the first configuration: %w", err)
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return supervisor.RemoveLeftovers(socketOf(name))
}
