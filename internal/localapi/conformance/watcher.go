package conformance

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// watcher is a stream of events to the provider. Its channel has room for maxWaiting events; a provider that reads too
// slowly loses the connection, as with a real sidecar.
type watcher struct {
	class  string // empty for the events of the unit
	events chan localapi.Event
}

const maxWaiting = 1 << 17

func newWatcher(class string) *watcher {
	return &watcher{class: class, events: make(chan localapi.Event, maxWaiting)}
}

// offer queues an event and reports whether there was room.
func (w *watcher) offer(e localapi.Event) bool {
	select {
	case w.events <- e:
		return true
	default:
		return false
	}
}

// line returns an event as a line of the stream. With unknowns, it has a field that no provider knows.
func line(e localapi.Event, unknowns bool) []byte {
	encoded, err := json.Marshal(e)
	if err != nil {
		panic(err) // values were checked when they arrived
	}
	if unknowns {
		encoded = append(encoded[:len(encoded)-1], `,"mood":"fine","depths":[1,{"more":null}]}`...)
	}
	return append(encoded, '\n')
}

// stream writes the first events, and then those of the watcher until the request ends. A nil watcher ends at once.
func stream(w http.ResponseWriter, r *http.Request, first []localapi.Event, follow *watcher, unknowns bool) {
	w.Header().Set("Content-Type", localapi.NDJSON)
	buffered := bufio.NewWriterSize(w, 1<<16)
	for _, e := range first {
		if _, err := buffered.Write(line(e, unknowns)); err != nil {
			return
		}
	}
	flush := func() bool {
		return buffered.Flush() == nil && http.NewResponseController(w).Flush() == nil
	}
	if !flush() || follow == nil {
		return
	}
	ping := time.NewTicker(time.Duration(localapi.Bounds().PingSeconds) * time.Second)
	defer ping.Stop()
	for {
		event := localapi.Event{Type: localapi.Ping}
		select {
		case <-r.Context().Done():
			return
		case event = <-follow.events:
		case <-ping.C:
		}
		if _, err := buffered.Write(line(event, unknowns)); err != nil || !flush() {
			return
		}
	}
}
