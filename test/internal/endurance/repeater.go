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

// nonceSize is that of a question and its answer.
const nonceSize = 8

// repeaterVariable is set in a process that startRepeater has started: it says where to listen.
const repeaterVariable = "HAPAIR_TEST_REPEATER"

// Repeater is for the TestMain of whoever uses Idle. In the process that Idle starts from the same test binary it is
// the server, and exits with it; elsewhere it returns.
func Repeater() {
	address := os.Getenv(repeaterVariable)
	if address == "" {
		return
	}
	if err := repeatAt(address); err != nil {
		fmt.Fprintln(os.Stderr, "Repeating what connections say:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// repeatAt says where it listens, and answers on all connections until its input ends: with whoever started it, however
// that one ended.
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

// repeat answers each question with itself.
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

// repeater is that process. It is one of its own because a process may have fewer files open than the two ends of all
// connections together.
type repeater struct {
	command *exec.Cmd
	input   io.Closer
	address netip.AddrPort
}

// startRepeater starts it on a host. It ends with the context; stop must be called all the same.
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
		return nil, fmt.Errorf("the server, which is to be started by Repeater in TestMain, did not say where it listens: %w",
			err)
	}
	return r, nil
}

// stop ends it and waits for it. How it ended does not matter: its connections have said what they had to.
func (r *repeater) stop() {
	_ = r.input.Close()
	_ = r.command.Wait()
}
