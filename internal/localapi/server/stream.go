package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/localapi"
)

// chunkBytes is about how much of a stream is written at once.
const chunkBytes = 64 << 10

// stream writes lines of NDJSON. A client that does not read for a while ends it.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
	// stall is how long the client may not read.
	stall time.Duration
}

// newStream begins a response that has no end.
func newStream(w http.ResponseWriter, stall time.Duration) *stream {
	s := &stream{
		w: w, control: http.NewResponseController(w), buffer: make([]byte, 0, chunkBytes+16<<10), stall: stall,
	}
	w.Header().Set("Content-Type", localapi.NDJSON)
	// The timeouts of the server are for requests that end. Both functions fail only without a connection.
	_ = s.control.SetReadDeadline(time.Time{})
	return s
}

// event adds a line.
func (s *stream) event(e localapi.Event) {
	line, _ := json.Marshal(e) // every event can be encoded
	s.buffer = append(append(s.buffer, line...), '\n')
}

// change adds the line of a change, and writes if there is enough. The key has no prefix.
func (s *stream) change(c table.Change, key string) error {
	s.buffer = appendChange(s.buffer, c, key)
	if len(s.buffer) < chunkBytes {
		return nil
	}
	return s.write()
}

// write writes what was added.
func (s *stream) write() error {
	if len(s.buffer) == 0 {
		return nil
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(s.stall)); err != nil {
		return err
	}
	_, err := s.w.Write(s.buffer)
	s.buffer = s.buffer[:0]
	return err
}

// flush writes what was added, and sends it.
func (s *stream) flush() error {
	if err := s.write(); err != nil {
		return err
	}
	return s.control.Flush()
}

// appendChange appends the line of a change, as json.Marshal would do with its event.
func appendChange(b []byte, c table.Change, key string) []byte {
	if c.Deleted {
		b = appendString(append(b, `{"type":"Delete","key":`...), key)
	} else {
		b = appendString(append(b, `{"type":"Put","key":`...), key)
		b = append(append(b, `,"value":`...), c.Value...)
		if c.Life > 0 {
			b = strconv.AppendFloat(append(b, `,"life":`...), localapi.Seconds(c.Life), 'f', -1, 64)
		}
	}
	b = strconv.AppendUint(append(b, `,"revision":`...), c.Revision, 10)
	return append(b, "}\n"...)
}

// appendString appends a text in JSON.
func appendString(b []byte, text string) []byte {
	if !strings.ContainsFunc(text, needsEscape) {
		return append(append(append(b, '"'), text...), '"')
	}
	quoted, _ := json.Marshal(text) // a string can always be encoded
	return append(b, quoted...)
}

func needsEscape(r rune) bool {
	return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r)
}
