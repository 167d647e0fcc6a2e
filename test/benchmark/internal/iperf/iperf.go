// Package iperf sends TCP streams with iperf3. Benchmarks measure forwarding with it.
package iperf

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// Outcome is the part of iperf3's report that benchmarks use.
type Outcome struct {
	Error string `json:"error"`
	End   struct {
		Received struct {
			BitsPerSecond float64 `json:"bits_per_second"`
		} `json:"sum_received"`
		// Processors are the loads of one processor at each end, in percent. They include the work of the routers, because
		// in namespaces the sender's processor forwards.
		Processors struct {
			Sender   float64 `json:"host_total"`
			Receiver float64 `json:"remote_total"`
		} `json:"cpu_utilization_percent"`
	} `json:"end"`
}

// Throughput returns bits a second.
func (o Outcome) Throughput() float64 { return o.End.Received.BitsPerSecond }

// Efficiency returns bits a second of the processor time that both ends used.
func (o Outcome) Efficiency() float64 {
	return o.Throughput() / ((o.End.Processors.Sender + o.End.Processors.Receiver) / 100)
}

// Stream sends to an address of the server for some seconds, without a limit or with a limit in bits a second.
func Stream(
	t testing.TB, client, server *testbed.Namespace, address string, lasts time.Duration, bitsPerSecond int,
) Outcome {
	t.Helper()
	defer serve(t, server)()
	command := exec.Command("iperf3", "--json", "--client", address,
		"--time", strconv.FormatFloat(lasts.Seconds(), 'f', 0, 64), "--bitrate", strconv.Itoa(bitsPerSecond))
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := client.Start(command)
	if err == nil {
		err = command.Wait()
	}
	var o Outcome
	if parsing := json.Unmarshal(out.Bytes(), &o); err == nil {
		err = parsing
	}
	if err == nil && o.Error != "" {
		err = errors.New(o.Error)
	}
	if err == nil && (o.Throughput() == 0 || o.End.Processors.Sender+o.End.Processors.Receiver == 0) {
		err = errors.New("nothing was received, or nothing was said of the processors")
	}
	if err != nil {
		t.Fatalf("Running iperf3: %v: %s %s", err, errs.Bytes(), o.Error)
	}
	return o
}

// serve starts the server's iperf3 for one stream, and waits until it listens.
func serve(t testing.TB, server *testbed.Namespace) (ended func()) {
	t.Helper()
	command := exec.Command("iperf3", "--server", "--one-off", "--forceflush")
	output, err := command.StdoutPipe()
	if err == nil {
		err = server.Start(command)
	}
	if err != nil {
		t.Fatalf("Starting iperf3: %v", err)
	}
	read, listening := make(chan struct{}), make(chan struct{}, 1)
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if strings.Contains(lines.Text(), "listening") {
				listening <- struct{}{}
			}
		}
	}()
	end := func() {
		_ = command.Process.Kill() // it usually has ended after its stream
		<-read
		_ = command.Wait()
	}
	timer := time.NewTimer(testbed.Timeout)
	defer timer.Stop()
	select {
	case <-listening:
		return end
	case <-read:
	case <-timer.C:
	}
	end()
	t.Fatal("The server's iperf3 does not listen")
	return nil
}
