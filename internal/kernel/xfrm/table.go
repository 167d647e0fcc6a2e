package xfrm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxBatch is the number of requests in one send. The socket has room for their answers.
	maxBatch = 64
	// answerTimeout bounds the wait for an answer. The kernel answers within the request itself.
	answerTimeout = 10 * time.Second
	// datagramBytes is more than a part of a list has.
	datagramBytes = 64 << 10
)

// Table reads and changes the SAs of one network namespace. It is not safe for concurrent use.
type Table struct {
	fd       int
	sequence uint32
	buffer   []byte
}

// OpenTable opens the SAs of the network namespace of the calling thread. It fails with EPROTONOSUPPORT if the kernel
// has no IPsec.
func OpenTable() (*Table, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_XFRM)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket of IPsec: %w", err)
	}
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	err = errors.Join(
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		// Without this option, an answer would repeat its request.
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a netlink socket of IPsec: %w", err), unix.Close(fd))
	}
	return &Table{fd: fd, buffer: make([]byte, datagramBytes)}, nil
}

// Close closes the socket.
func (t *Table) Close() error { return unix.Close(t.fd) }

// List returns all SAs of ESP that have keys. The kernel's list has the keys, so that the buffer is cleared.
func (t *Table) List() (all []SA, err error) {
	defer func() { clear(t.buffer) }()
	t.sequence++
	request := make([]byte, 0, unix.NLMSG_HDRLEN)
	request = appendMessage(request, messageGetSA, unix.NLM_F_DUMP, t.sequence, nil)
	if err := t.send(request); err != nil {
		return nil, fmt.Errorf("listing SAs: %w", err)
	}
	for {
		messages, err := t.receive()
		if err != nil {
			return nil, fmt.Errorf("listing SAs: %w", err)
		}
		for _, m := range messages {
			switch {
			case m.Header.Seq != t.sequence:
			case m.Header.Type == unix.NLMSG_DONE:
				return all, nil
			case m.Header.Type == unix.NLMSG_ERROR:
				return nil, fmt.Errorf("listing SAs: %w", errorOf(m.Data))
			case m.Header.Type == messageNewSA:
				sa, isUsed, err := decodeInfo(m.Data)
				if err != nil {
					return nil, fmt.Errorf("listing SAs: %w", err)
				}
				if isUsed {
					all = append(all, sa)
				}
			}
		}
	}
}

// Result is the answer to a request. Err is nil for success, or the kernel's error as a unix.Errno: ESRCH if there is
// no such SA.
type Result struct {
	Counters Counters
	Err      error
}

// Read returns the counters of SAs, in their order.
func (t *Table) Read(ids []ID) ([]Result, error) {
	bodies := make([][]byte, len(ids))
	for i, id := range ids {
		bodies[i] = encodeEvent(id)
	}
	results, err := t.do(messageGetAE, 0, bodies)
	if err != nil {
		return nil, fmt.Errorf("reading the counters of SAs: %w", err)
	}
	return results, nil
}

// Write sets the counters of SAs. Their replay windows must have the shape that they have in the kernel.
func (t *Table) Write(all []SA) ([]Result, error) {
	bodies := make([][]byte, len(all))
	for i, sa := range all {
		bodies[i] = encodeCounters(sa.ID, sa.Counters)
	}
	results, err := t.do(messageNewAE, unix.NLM_F_REPLACE|unix.NLM_F_ACK, bodies)
	if err != nil {
		return nil, fmt.Errorf("setting the counters of SAs: %w", err)
	}
	return results, nil
}

// Remove removes SAs.
func (t *Table) Remove(ids []ID) ([]Result, error) {
	bodies := make([][]byte, len(ids))
	for i, id := range ids {
		bodies[i] = encodeID(id)
	}
	results, err := t.do(messageDelSA, unix.NLM_F_ACK, bodies)
	if err != nil {
		return nil, fmt.Errorf("removing SAs: %w", err)
	}
	return results, nil
}

// do sends requests, each of which has one answer, and returns the answers.
func (t *Table) do(kind, flags uint16, bodies [][]byte) (results []Result, err error) {
	results = make([]Result, len(bodies))
	done := 0
	for batch := range slices.Chunk(bodies, maxBatch) {
		if err := t.doBatch(kind, flags, batch, results[done:done+len(batch)]); err != nil {
			return nil, err
		}
		done += len(batch)
	}
	return results, nil
}

func (t *Table) doBatch(kind, flags uint16, bodies [][]byte, results []Result) error {
	first := t.sequence + 1
	t.sequence += uint32(len(bodies)) //nolint:gosec // A batch is short.
	var request []byte
	for i, body := range bodies {
		request = appendMessage(request, kind, flags, first+uint32(i), body) //nolint:gosec // As above.
	}
	if err := t.send(request); err != nil {
		return err
	}
	for waiting := len(bodies); waiting > 0; {
		messages, err := t.receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			i := m.Header.Seq - first
			if i >= uint32(len(results)) { //nolint:gosec // As above.
				continue // It belongs to a batch that was given up.
			}
			waiting--
			if m.Header.Type == unix.NLMSG_ERROR {
				results[i].Err = errorOf(m.Data)
				continue
			}
			sa, err := decodeEvent(m.Data)
			results[i] = Result{Counters: sa.Counters, Err: err}
		}
	}
	return nil
}

// appendMessage appends a netlink message.
func appendMessage(b []byte, kind, flags uint16, sequence uint32, body []byte) []byte {
	native := binary.NativeEndian
	b = native.AppendUint32(b, uint32(unix.NLMSG_HDRLEN+len(body))) //nolint:gosec // A message has less than 1 KiB.
	b = native.AppendUint16(b, kind)
	b = native.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = native.AppendUint32(b, sequence)
	b = native.AppendUint32(b, 0) // The kernel fills in the port.
	return append(b, body...)
}

func (t *Table) send(request []byte) error {
	for {
		err := unix.Sendto(t.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive receives the messages of one datagram of the kernel.
func (t *Table) receive() ([]syscall.NetlinkMessage, error) {
	for {
		n, from, err := unix.Recvfrom(t.fd, t.buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if kernel, ok := from.(*unix.SockaddrNetlink); ok && kernel.Pid == 0 { // Only the kernel is trusted.
			return syscall.ParseNetlinkMessage(t.buffer[:n])
		}
	}
}

// errorOf returns the error in a message with an answer; nil for success.
func errorOf(b []byte) error {
	if len(b) < 4 {
		return errMalformed
	}
	if code := int32(binary.NativeEndian.Uint32(b)); code != 0 { //nolint:gosec // The kernel sends a negative number.
		return unix.Errno(-code) //nolint:gosec // As above.
	}
	return nil
}
