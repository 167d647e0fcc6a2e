package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// The console is where the machine reaches the API server. It usually has the same address, so that a kubeconfig that
// somebody copied fits the next cluster too.
const (
	usualConsole = "127.0.0.1:16443"
	anyConsole   = "127.0.0.1:0"
)

func consoleRecord() string { return filepath.Join(stateDir, "console.json") }

// ensureConsole returns the address of the console. It chooses one unless the control plane, which holds it, has power.
func ensureConsole() (string, error) {
	var recorded string
	found, err := readRecord(consoleRecord(), &recorded)
	if err != nil {
		return "", err
	}
	_, running, err := runningInit(layout.ControlPlane)
	if err != nil || found && running {
		return recorded, err
	}
	chosen, err := freeConsole(recorded, usualConsole)
	if err != nil {
		return "", err
	}
	return chosen, writeRecord(consoleRecord(), chosen)
}

// freeConsole returns the first of the preferred addresses at which nothing listens, or another free one. A port in use
// must not stop a cluster whose programs took a quarter of an hour to build.
func freeConsole(preferred ...string) (string, error) {
	for _, address := range append(preferred, anyConsole) {
		if address == "" {
			continue
		}
		listener, err := net.Listen("tcp4", address)
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("choosing the console, where the machine reaches the API server: %w", err)
		}
		chosen := listener.Addr().String()
		return chosen, listener.Close()
	}
	return "", errors.New("choosing the console, where the machine reaches the API server: no port of 127.0.0.1 is free")
}

// listenAtConsole opens the console's socket in the machine's network. The node that receives the socket need not be
// part of that network.
func listenAtConsole() (*os.File, error) {
	var address string
	if found, err := readRecord(consoleRecord(), &address); err != nil || !found {
		return nil, errorOr(err, errors.New("the console has no address: run `cluster up`"))
	}
	listener, err := net.Listen("tcp4", address)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("another program listens at the console %s: run `cluster up`, which takes another port",
			address)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the console, where the machine reaches the API server: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.(*net.TCPListener).File()
}
