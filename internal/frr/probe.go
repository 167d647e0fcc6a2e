package frr

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

const (
	// question and answer are those of FRR's own supervisor, watchfrr. The answer ends with three zero bytes and the
	// status of the command.
	question = "echo PING\x00"
	answer   = "PING\n\x00\x00\x00\x00"
)

// probe asks a daemon to repeat a word over its terminal socket. The daemon's main loop answers.
func probe(ctx context.Context, socket string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("connecting to the daemon: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	// A probe that is no longer wanted ends at once.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := io.WriteString(conn, question); err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(conn, got); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if string(got) != answer {
		return fmt.Errorf("the daemon answered %q, want %q", got, strings.TrimRight(answer, "\x00"))
	}
	return nil
}
