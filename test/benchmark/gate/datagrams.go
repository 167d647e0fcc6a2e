package gate

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// payload makes the smallest Ethernet frame: 64 bytes with the checksum.
	payload = 18
	// batch is the number of datagrams that one call sends through one router.
	batch = 64
	// port is not read by any program: the datagrams end in the server's socket.
	port = 5000
	// tolerated is the part of the datagrams that may be lost, since the kernel drops some during bursts of other work.
	tolerated = 0.01
)

// perLane holds one figure for each lane.
type perLane [lanes]float64

// datagrams sends small datagrams through both routers, in alternating batches. It returns the nanoseconds of processor
// time for each datagram.
func (b *bed) datagrams(lasts time.Duration) perLane {
	b.t.Helper()
	var messages [lanes][]ipv4.Message
	for lane := range lanes {
		to := &net.UDPAddr{IP: net.ParseIP(serverAddress(lane)), Port: port}
		b.sink(to)
		messages[lane] = make([]ipv4.Message, batch)
		for n := range messages[lane] {
			messages[lane][n] = ipv4.Message{Buffers: [][]byte{make([]byte, payload)}, Addr: to}
		}
	}
	var conn *net.UDPConn
	err := b.client.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", nil)
		return err
	})
	if err != nil {
		b.t.Fatalf("Opening a socket for datagrams: %v", err)
	}
	defer func() { _ = conn.Close() }()

	before := b.received()
	var samples [lanes][]float64
	err = namespace.OnThread(func() error {
		samples, err = sendInTurn(ipv4.NewPacketConn(conn), messages, lasts)
		return err
	})
	if err != nil {
		b.t.Fatalf("Sending datagrams: %v", err)
	}
	after := b.received()
	var costs perLane
	for lane := range lanes {
		sent := float64(len(samples[lane]) * batch)
		if got := after[lane] - before[lane]; got < sent*(1-tolerated) {
			b.t.Fatalf("Only %.0f of %.0f datagrams arrived on lane %d", got, sent, lane)
		}
		costs[lane] = median(samples[lane])
	}
	return costs
}

// sendInTurn sends on one processor, and measures the thread's processor time for each batch. That time excludes other
// work on the processor. It must be called on a locked thread.
func sendInTurn(
	conn *ipv4.PacketConn, messages [lanes][]ipv4.Message, lasts time.Duration,
) (samples [lanes][]float64, err error) {
	var one unix.CPUSet
	one.Set(runtime.NumCPU() - 1)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return samples, fmt.Errorf("staying on one processor: %w", err)
	}
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		for lane := range lanes {
			begun := processorTime()
			for sent := 0; sent < batch; {
				n, err := conn.WriteBatch(messages[lane][sent:], 0)
				if err != nil {
					return samples, err
				}
				sent += n
			}
			samples[lane] = append(samples[lane], float64(processorTime()-begun)/batch)
		}
	}
	return samples, nil
}

// processorTime returns the processor time of the calling thread.
func processorTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(fmt.Sprintf("reading CLOCK_THREAD_CPUTIME_ID: %v", err)) // every Linux has it
	}
	return time.Duration(ts.Nano())
}

// sink opens a socket in which datagrams end without waking a process.
func (b *bed) sink(at *net.UDPAddr) {
	b.t.Helper()
	err := b.server.Do(func() error {
		conn, err := net.ListenUDP("udp4", at)
		if err != nil {
			return err
		}
		b.t.Cleanup(func() { _ = conn.Close() })
		return conn.SetReadBuffer(1) // the kernel raises it to its minimum
	})
	if err != nil {
		b.t.Fatalf("Opening a sink for datagrams: %v", err)
	}
}

// received returns the number of packets that have reached the server on each lane.
func (b *bed) received() (packets perLane) {
	b.t.Helper()
	var text []byte
	err := b.server.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		b.t.Fatalf("Counting received packets: %v", err)
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line) // name, bytes, packets, ...
		for lane := range lanes {
			if len(fields) > 2 && string(fields[0]) == fmt.Sprintf("lane%d:", lane) {
				packets[lane], err = strconv.ParseFloat(string(fields[2]), 64)
				if err != nil {
					b.t.Fatalf("Counting received packets: %v", err)
				}
			}
		}
	}
	return packets
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
