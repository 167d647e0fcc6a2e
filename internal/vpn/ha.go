package vpn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/class/vpn/udptable"
	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// rolePipe is charon's built-in path of the pipe through which its plugin ha is told its role.
	rolePipe = "/run/charon.ha"
	// pipeStep is the time between two tries to write to the pipe. Charon opens it for each command.
	pipeStep = time.Millisecond
	// pipeTimeout bounds all tries.
	pipeTimeout = time.Second
	// pipeGap is the time between two commands. Charon reads one each time, and drops what follows it.
	pipeGap = 10 * time.Millisecond
)

// The commands that make the passive SAs of charon active, and the active ones passive.
const (
	makeActive  = "+1"
	makePassive = "-1"
)

// tellRole writes commands to charon's pipe, in order.
func tellRole(ctx context.Context, commands ...string) error {
	ctx, cancel := context.WithTimeout(ctx, pipeTimeout)
	defer cancel()
	for i, command := range commands {
		if i > 0 && !backoff.Sleep(ctx, pipeGap) {
			return ctx.Err()
		}
		if err := writeToPipe(ctx, command); err != nil {
			return fmt.Errorf("telling charon its role (%s): %w", command, err)
		}
	}
	return nil
}

func writeToPipe(ctx context.Context, command string) error {
	for {
		err := tryToWrite(command)
		// The pipe does not exist yet, or nobody reads it now.
		isEarly := errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENXIO)
		if !isEarly || !backoff.Sleep(ctx, pipeStep) {
			return err
		}
	}
}

func tryToWrite(command string) error {
	pipe, err := os.OpenFile(rolePipe, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = pipe.WriteString(command + "\n")
	return errors.Join(err, pipe.Close())
}

// relay is the sidecar, as far as it replicates tunnels.
type relay struct{ sockets *udptable.Table }

// exists reports whether the sidecar replicates tunnels: it listens to charon then.
func (r relay) exists() (bool, error) {
	_, exists, err := r.sockets.Find(contract.IKERelay())
	return exists, err
}

// requestAll asks for everything that the other unit has. On an active unit, it makes the other unit begin again.
func (r relay) requestAll() error {
	connection, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(contract.IKERelay()))
	if err == nil {
		_, err = connection.Write(message.Request())
		err = errors.Join(err, connection.Close())
	}
	if err != nil {
		return fmt.Errorf("asking for the tunnels of the other unit: %w", err)
	}
	return nil
}
