package rtsp

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxHead bounds the head of a message. A longer one is skipped.
const MaxHead = 8 << 10

// StatusUnsupported is the status of a server that refuses a transport (RFC 2326, section 11.3.4). Clients try another
// one then.
const StatusUnsupported = "461"

// Reply is the head of a reply.
type Reply struct {
	Status int
	// StatusAt is the offset of the three digits of the status in the item.
	StatusAt int
	// Transport is the value of the header field Transport, at an offset in the item; empty without one.
	Transport   string
	TransportAt int
}

// Item is what a stream of a server begins with.
type Item struct {
	// Bytes is its length, which may be longer than what has come so far. It is 0 if more is needed to tell.
	Bytes int
	// Reply is set if the item is a reply.
	Reply *Reply
	// IsMedia is set if the item is an interleaved packet.
	IsMedia bool
}

// interleavedHeader is the length of the header of an interleaved packet: '$', channel, length.
const interleavedHeader = 4

// version begins a reply. Older versions do not exist.
var version = []byte("RTSP/")

// Next returns the first item of a stream. What is no message is an item without a reply, up to the next reply.
func Next(stream []byte) Item {
	switch {
	case len(stream) == 0:
		return Item{}
	case stream[0] == '$' && len(stream) < interleavedHeader:
		return Item{}
	case stream[0] == '$':
		return Item{Bytes: interleavedHeader + int(stream[2])<<8 + int(stream[3]), IsMedia: true}
	case stream[0] < 'A' || stream[0] > 'Z':
		return Item{Bytes: junk(stream)}
	}
	head := headBytes(stream)
	switch {
	case head == 0 && len(stream) > MaxHead, head > MaxHead:
		return Item{Bytes: junk(stream)}
	case head == 0:
		return Item{}
	}
	reply, body, ok := parseHead(string(stream[:head]))
	if !ok {
		return Item{Bytes: junk(stream)}
	}
	return Item{Bytes: head + body, Reply: reply}
}

// junk returns how many bytes to skip: those before the next reply, which may have come in part.
func junk(stream []byte) int {
	if i := bytes.Index(stream[1:], version); i >= 0 {
		return 1 + i
	}
	for n := min(len(version)-1, len(stream)-1); n > 0; n-- {
		if bytes.HasSuffix(stream[1:], version[:n]) {
			return len(stream) - n
		}
	}
	return len(stream)
}

// headBytes returns the length of a head with the empty line that ends it; 0 if that has not come yet. Lines end with
// CRLF, or with LF alone by lenient implementations.
func headBytes(stream []byte) int {
	crlf, lf := bytes.Index(stream, []byte("\r\n\r\n")), bytes.Index(stream, []byte("\n\n"))
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return crlf + 4
	case lf >= 0:
		return lf + 2
	default:
		return 0
	}
}

// parseHead parses a head, and returns the length of the body that follows. Without a status line it is a request of
// the server, which is no reply.
func parseHead(head string) (reply *Reply, body int, ok bool) {
	first, fields, _ := strings.Cut(head, "\n")
	if strings.HasPrefix(first, string(version)) {
		words := strings.Fields(first)
		if len(words) < 2 {
			return nil, 0, false
		}
		status, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil || len(words[1]) != len(StatusUnsupported) {
			return nil, 0, false
		}
		reply = &Reply{Status: int(status), StatusAt: len(words[0]) + strings.Index(first[len(words[0]):], words[1])}
	} else if !strings.Contains(first, string(version)) {
		return nil, 0, false // A request names the version at its end.
	}
	end := len(first) + 1
	for line := range strings.Lines(fields) {
		end += len(line)
		name, value, _ := strings.Cut(line, ":")
		at := end - len(strings.TrimLeft(value, " \t"))
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			n, err := strconv.ParseUint(value, 10, 24)
			if err != nil {
				return nil, 0, false
			}
			body = int(n)
		case "transport":
			if reply != nil && reply.Transport == "" {
				reply.Transport, reply.TransportAt = value, at
			}
		}
	}
	return reply, body, true
}
