package gate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// streams sends TCP streams through both routers in turn and returns the throughput of each, in bits a second, and in
// bits a second of processor time that both ends have used, which other work on the machine takes less away from.
func (b *bed) streams(each int, lasts time.Duration) (throughput, efficiency perLane) {
	b.t.Helper()
	var bits, efficiencies [lanes][]float64
	for n := range lanes * each {
		lane := (n + n/lanes) % lanes // 0 1 1 0 0 1 1 0: a drift falls on both
		o := b.stream(lane, lasts)
		bits[lane] = append(bits[lane], o.End.Received.BitsPerSecond)
		efficiencies[lane] = append(efficiencies[lane], o.efficiency())
	}
	for lane := range lanes {
		throughput[lane], efficiency[lane] = median(bits[lane]), median(efficiencies[lane])
	}
	return throughput, efficiency
}

// serve starts the server's iperf3 for one stream, and waits until it listens.
func (b *bed) serve() (ended func()) {
	b.t.Helper()
	command := exec.Command("iperf3", "--server", "--one-off", "--forceflush")
	output, err := command.StdoutPipe()
	if err == nil {
		err = b.server.Start(command)
	}
	if err != nil {
		b.t.Fatalf("Starting iperf3: %v", err)
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
		_ = command.Process.Kill() // it ends by itself after its stream
		<-read
		_ = command.Wait()
	}
	select {
	case <-listening:
		return end
	case <-read:
	case <-time.After(10 * time.Second):
	}
	end()
	b.t.Fatal("The server's iperf3 does not listen")
	return nil
}

// outcome is what iperf3 reports, as far as it matters.
type outcome struct {
	Error string `json:"error"`
	End   struct {
		Received struct {
			BitsPerSecond float64 `json:"bits_per_second"`
		} `json:"sum_received"`
		// Processors are how much of a processor each end has used, in percent. What routers do on the way is in it: they
		// work on the time of whoever sends.
		Processors struct {
			Sender   float64 `json:"host_total"`
			Receiver float64 `json:"remote_total"`
		} `json:"cpu_utilization_percent"`
	} `json:"end"`
}

func (o outcome) efficiency() float64 {
	return o.End.Received.BitsPerSecond / ((o.End.Processors.Sender + o.End.Processors.Receiver) / 100)
}

func (b *bed) stream(lane int, lasts time.Duration) outcome {
	b.t.Helper()
	defer b.serve()()
	command := exec.Command("iperf3", "--json", "--client", serverAddress(lane),
		"--time", strconv.FormatFloat(lasts.Seconds(), 'f', 0, 64))
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := b.client.Start(command)
	if err == nil {
		err = command.Wait()
	}
	var o outcome
	if parsing := json.Unmarshal(out.Bytes(), &o); err == nil {
		err = parsing
	}
	if err == nil && o.Error != "" {
		err = errors.New(o.Error)
	}
	if err == nil && (o.End.Received.BitsPerSecond == 0 || o.End.Processors.Sender+o.End.Processors.Receiver == 0) {
		err = errors.New("nothing was received, or nothing was said of the processors")
	}
	if err != nil {
		b.t.Fatalf("Running iperf3: %v: %s %s", err, errs.Bytes(), o.Error)
	}
	return o
}
