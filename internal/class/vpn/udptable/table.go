// Package udptable reads the kernel's list of UDP sockets: whether a process listens, and how many bytes wait for it.
package udptable

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// path is the list for IPv4, in the network namespace of the thread that opens it (proc_pid_net(5)).
const path = "/proc/thread-self/net/udp"

// Table is the list. One goroutine at a time uses it.
type Table struct{ file *os.File }

// Queue is what waits for a socket.
type Queue struct {
	// Bytes is the memory of the datagrams that wait. Dropped counts those that found no room.
	Bytes, Dropped uint64
}

// Open opens the list of the network namespace of the calling thread.
func Open() (*Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the list of UDP sockets: %w", err)
	}
	return &Table{file}, nil
}

// Close closes the list.
func (t *Table) Close() error { return t.file.Close() }

// Find returns the queue of the socket with a local address. The result exists is false without such a socket.
func (t *Table) Find(local netip.AddrPort) (found Queue, exists bool, err error) {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return Queue{}, false, fmt.Errorf("reading the list of UDP sockets: %w", err)
	}
	lines := bufio.NewScanner(t.file)
	for lines.Scan() {
		if address, queue, ok := parse(lines.Text()); ok && address == local {
			return queue, true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return Queue{}, false, fmt.Errorf("reading the list of UDP sockets: %w", err)
	}
	return Queue{}, false, nil
}

// Columns of the list: the local address, the queues to send and to receive, and the drops.
const (
	columnLocal  = 1
	columnQueues = 4
	columnDrops  = 12
	columns      = 13
)

// parse parses a line.
func parse(line string) (local netip.AddrPort, queue Queue, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < columns {
		return netip.AddrPort{}, Queue{}, false
	}
	local, addressErr := parseAddress(fields[columnLocal])
	_, waiting, _ := strings.Cut(fields[columnQueues], ":")
	bytes, bytesErr := strconv.ParseUint(waiting, 16, 64)
	dropped, droppedErr := strconv.ParseUint(fields[columnDrops], 10, 64)
	return local, Queue{Bytes: bytes, Dropped: dropped}, errors.Join(addressErr, bytesErr, droppedErr) == nil
}

// parseAddress parses an address as in 0100007F:119E. The kernel prints the address as a number of the machine.
func parseAddress(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	number, hostErr := strconv.ParseUint(host, 16, 32)
	portNumber, portErr := strconv.ParseUint(port, 16, 16)
	var bytes [4]byte
	binary.NativeEndian.PutUint32(bytes[:], uint32(number))
	return netip.AddrPortFrom(netip.AddrFrom4(bytes), uint16(portNumber)), errors.Join(hostErr, portErr)
}
