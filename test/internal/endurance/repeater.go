package endurance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// nonceSize is the size of an echo request and its answer.
const nonceSize = 8

// repeaterVariable is the environment variable with the address on which a process that startRepeater started must
// listen.
const repeaterVariable = "HAPAIR_TEST_REPEATER"

// Repeater runs the server of Idle and exits, if Idle started this process for that. Otherwise it returns. A test
// binary that uses Idle must call it in its TestMain.
func Repeater() {
	address := os.Getenv(repeaterVariable)
	if address == "" {
		return
	}
	if err := repeatAt(address); err != nil {
		fmt.Fprintln(os.Stderr, "Running the repeater:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// repeatAt prints its address and answers on all connections until its input ends. The input ends with the process that
// started it, even if that is killed.
func repeatAt(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	serve(ctx, &done, listener, repeat)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// repeat sends each request back.
func repeat(conn net.Conn) {
	var nonce [nonceSize]byte
	for {
		if _, err := io.ReadFull(conn, nonce[:]); err != nil {
			return
		}
		if _, err := conn.Write(nonce[:]); err != nil {
			return
		}
	}
}

// repeater is the server process of Idle. One process may not have enough open files for both ends of all connections.
type repeater struct {
	command *exec.Cmd
	input   io.Closer
	address netip.AddrPort
}

// startRepeater starts the server on a host. It ends with the context, but stop must still be called.
func startRepeater(ctx context.Context, host Host, address netip.AddrPort) (*repeater, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this test binary: %w", err)
	}
	command := exec.CommandContext(ctx, program)
	command.Env = append(os.Environ(), repeaterVariable+"="+address.String())
	command.Stderr = os.Stderr
	input, inputErr := command.StdinPipe()
	output, outputErr := command.StdoutPipe()
	if err := errors.Join(inputErr, outputErr); err != nil {
		return nil, err
	}
	if err := host.Start(command); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	r := &repeater{command: command, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err == nil {
		r.address, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		r.stop()
		return nil, fmt.Errorf("the server did not print its address (does TestMain call Repeater?): %w",
			err)
	}
	return r, nil
}

// stop ends the server and waits for it. Its exit code does not matter, because the connections have ended.
func (r *repeater) stop() {
	_ = r.input.Close()
	_ = r.command.Wait()
}
