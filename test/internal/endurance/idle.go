package endurance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Idle is many TCP connections that say nothing until Check asks each for an echo. They survive if every one of them
// gives it. The server is a process of its own: the test binary must call Repeater in its TestMain.
type Idle struct {
	Kind        string
	Hosts       Hosts
	Server      netip.AddrPort
	Connections int

	task
	restore func()
	server  *repeater
	conns   []net.Conn
}

const (
	// opening is between the beginnings of two connections: a thousand a second at most.
	opening = time.Millisecond
	// questions are asked in groups, each some time after the one before: ten thousand a second at most, since a burst of
	// them all would be lost in the queues of any machine.
	questionGroup = 50
	questionPause = 5 * time.Millisecond
	// answering bounds the time that a connection has for its answer: five tries of TCP.
	answering = 10 * time.Second
	// spareFiles are what everything else may open meanwhile.
	spareFiles = 4096
)

// Begin implements Traffic.
func (i *Idle) Begin(ctx context.Context) error {
	if err := i.begin(i.under(ctx)); err != nil {
		return fmt.Errorf("%s: %w", i.Kind, err)
	}
	return nil
}

func (i *Idle) begin(ctx context.Context) error {
	var err error
	if i.restore, err = allowFiles(uint64(i.Connections + spareFiles)); err != nil {
		return err
	}
	if i.server, err = startRepeater(ctx, i.Hosts.Server, i.Server); err != nil {
		return err
	}
	server := net.TCPAddrFromAddrPort(i.server.address)
	clock := time.NewTicker(opening)
	defer clock.Stop()
	for len(i.conns) < i.Connections {
		conn, err := dial(ctx, i.Hosts.Client, server)
		if err != nil {
			return fmt.Errorf("connection %d of %d: %w", len(i.conns)+1, i.Connections, err)
		}
		i.conns = append(i.conns, conn)
		<-clock.C
	}
	return nil
}

// Forget implements Traffic. Nothing was said yet.
func (i *Idle) Forget() {}

// Check implements Traffic. The gap is the longest time that a connection took to answer.
func (i *Idle) Check(ctx context.Context) Report {
	answers := make([]answer, len(i.conns))
	var asked sync.WaitGroup
	for n, conn := range i.conns {
		if n > 0 && n%questionGroup == 0 {
			select {
			case <-ctx.Done(): // the rest are asked at once, and fail
			case <-time.After(questionPause):
			}
		}
		asked.Go(func() { answers[n] = ask(ctx, conn) })
	}
	asked.Wait()
	report := Report{Kind: i.Kind, Unit: "connections"}
	for n, a := range answers {
		if a.err != nil {
			report.Lost++
			report.Err = fmt.Errorf("%d connections did not answer; among them the one from %s: %w",
				report.Lost, i.conns[n].LocalAddr(), a.err)
			continue
		}
		report.Passed++
		report.Gap = max(report.Gap, a.took)
	}
	return report
}

// answer is what came of one question.
type answer struct {
	took time.Duration
	err  error
}

// ask asks one connection for an echo of something that cannot be guessed.
func ask(ctx context.Context, conn net.Conn) answer {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	question, echoed := binary.BigEndian.AppendUint64(nil, rand.Uint64()), make([]byte, nonceSize)
	begun := time.Now()
	err := conn.SetDeadline(begun.Add(answering))
	if err == nil {
		_, err = conn.Write(question)
	}
	if err == nil {
		_, err = io.ReadFull(conn, echoed)
	}
	switch {
	case err != nil:
		return answer{err: errors.Join(err, ctx.Err())}
	case string(echoed) != string(question):
		return answer{err: fmt.Errorf("it answered %x to %x", echoed, question)}
	default:
		return answer{took: time.Since(begun)}
	}
}

// Close implements Traffic.
func (i *Idle) Close() {
	for _, conn := range i.conns {
		_ = conn.Close()
	}
	if i.server != nil {
		i.server.stop()
	}
	i.task.Close()
	if i.restore != nil {
		i.restore()
	}
}
