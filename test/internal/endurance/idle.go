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

// Idle is many TCP connections that stay silent until Check requests an echo on each. They survive if every one returns
// it. The server is another process: the test binary must call Repeater in its TestMain.
type Idle struct {
	Hosts       Hosts
	Server      netip.AddrPort
	Connections int

	task
	restore func()
	server  *repeater
	conns   []net.Conn
}

const (
	// dialInterval is the interval between two dials: at most a thousand connections a second.
	dialInterval = time.Millisecond
	// Echoes are requested in groups, at most ten thousand a second. A burst of all of them would overflow the queues of
	// any machine.
	requestGroup = 50
	requestPause = 5 * time.Millisecond
	// echoTimeout bounds the wait for one echo: five retransmissions of TCP.
	echoTimeout = 10 * time.Second
	// spareFiles is the number of files that everything else may open meanwhile.
	spareFiles = 4096
)

// Begin implements Traffic.
func (i *Idle) Begin(ctx context.Context) error {
	ctx = i.withCancel(ctx)
	var err error
	if i.restore, err = allowFiles(uint64(i.Connections + spareFiles)); err != nil {
		return err
	}
	if i.server, err = startRepeater(ctx, i.Hosts.Server, i.Server); err != nil {
		return err
	}
	server := net.TCPAddrFromAddrPort(i.server.address)
	clock := time.NewTicker(dialInterval)
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

// Reset implements Traffic. There is nothing to discard: the connections are still silent.
func (i *Idle) Reset() {}

// Check implements Traffic. The gap is the longest time that a connection took to answer.
func (i *Idle) Check(ctx context.Context) Report {
	answers := make([]echoResult, len(i.conns))
	var requests sync.WaitGroup
	for n, conn := range i.conns {
		if n > 0 && n%requestGroup == 0 {
			select {
			case <-ctx.Done(): // the remaining requests fail at once
			case <-time.After(requestPause):
			}
		}
		requests.Go(func() { answers[n] = requestEcho(ctx, conn) })
	}
	requests.Wait()
	report := Report{Unit: "connections"}
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

// echoResult is the result of one echo request.
type echoResult struct {
	took time.Duration
	err  error
}

// requestEcho requests an echo of a random number on one connection.
func requestEcho(ctx context.Context, conn net.Conn) echoResult {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	nonce, echoed := binary.BigEndian.AppendUint64(nil, rand.Uint64()), make([]byte, nonceSize)
	begun := time.Now()
	err := conn.SetDeadline(begun.Add(echoTimeout))
	if err == nil {
		_, err = conn.Write(nonce)
	}
	if err == nil {
		_, err = io.ReadFull(conn, echoed)
	}
	switch {
	case err != nil:
		return echoResult{err: errors.Join(err, ctx.Err())}
	case string(echoed) != string(nonce):
		return echoResult{err: fmt.Errorf("it answered %x to %x", echoed, nonce)}
	default:
		return echoResult{took: time.Since(begun)}
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
