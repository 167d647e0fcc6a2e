package frr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/frr/configuration"
	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	programs = "/usr/lib/frr"
	// configurationDirectory is where the link /etc/frr of the image points, and state where /var/lib/frr does.
	configurationDirectory = "/run/frr-configuration"
	state                  = "/run/frr-state"
	// sockets has the process files and sockets of the daemons.
	sockets = "/run/frr"
	// netlinkBuffer is the receive buffer of zebra, as in FRR's own service.
	netlinkBuffer = "90000000"
)

// daemons returns mgmtd, zebra, and the daemons of the protocols. It calls started before each start of one. All are
// killed rather than asked to end: a daemon that ends properly tells its neighbours, and they drop the routes to the
// pair. The other unit needs them.
func daemons(protocols []string, started func(name string)) ([]supervisor.Daemon, error) {
	names, err := daemonsOf(protocols)
	if err != nil {
		return nil, err
	}
	var all []supervisor.Daemon
	for _, name := range names {
		all = append(all, supervisor.Daemon{
			Name:    name,
			Command: command(name),
			Prepare: func() error {
				started(name)
				return supervisor.RemoveLeftovers(socketOf(name))
			},
			Probe:  func(ctx context.Context) error { return probe(ctx, socketOf(name)) },
			Abrupt: true,
		})
	}
	return all, nil
}

// command returns the command of a daemon. No daemon listens on a TCP port for its terminal. Zebra has the routing
// table of the data plane. It keeps the routes that it finds there until the protocols have theirs, and leaves them
// when it ends.
func command(name string) []string {
	c := []string{filepath.Join(programs, name), "--user", "root", "--group", "root", "--vty_port", "0", "--log", "stdout"}
	if name == "zebra" {
		// With the long form of -R, zebra ends by a segmentation fault.
		c = append(c, "--nl-bufsize", netlinkBuffer, "-R", strconv.Itoa(contract.DataPlaneTable),
			"--retain", "--graceful_restart", strconv.Itoa(configuration.GraceSeconds))
	}
	return c
}

func socketOf(name string) string { return filepath.Join(sockets, name+".vty") }

// makeDirectories makes the directories of the daemons, and empty files of configuration. Each daemon reads one at its
// start, and gets its real configuration by its terminal afterwards.
func makeDirectories() error {
	for _, dir := range []string{configurationDirectory, state, sockets} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	names, err := daemonsOf(supportedProtocols())
	if err != nil {
		return err
	}
	for _, file := range append(names, "vtysh") {
		if err := os.WriteFile(filepath.Join(configurationDirectory, file+".conf"), nil, 0o600); err != nil {
			return fmt.Errorf("making the first configuration: %w", err)
		}
	}
	return nil
}
