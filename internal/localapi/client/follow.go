package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/localapi"
)

// Handler learns what happens to a class. Its functions are called one after the other; each may be nil.
type Handler struct {
	// Synced gets the role of the unit and all entries: after each connection, before anything else.
	Synced func(role localapi.Role, term uint64, entries []Entry)
	// Changed gets each change: an event of type Put or Delete.
	Changed func(localapi.Event)
	// Handled gets the revision of the class that the two above have completed. Client.PutHeld reports it.
	Handled func(revision uint64)
	// Role gets each change of the role or of the term.
	Role func(role localapi.Role, term uint64)
	// HandoverSoon is called when the unit is about to hand over its role.
	HandoverSoon func()
	// Lost is called when a connection that was synced has ended. The role is unknown until Synced.
	Lost func()
}

// List returns the entries of a class.
func (c *Client) List(ctx context.Context, class string) ([]Entry, error) {
	var entries []Entry
	err := c.stream(ctx, classPath(class), nil, func(e localapi.Event) {
		if e.Type == localapi.Put {
			entries = append(entries, entryOf(e))
		}
	})
	return entries, err
}

func entryOf(e localapi.Event) Entry {
	life, _ := localapi.Life(e.Life) // the server has checked it
	return Entry{Key: e.Key, Value: e.Value, Life: life}
}

// Follow lists a class and follows its changes until ctx ends. It connects again within a second.
func (c *Client) Follow(ctx context.Context, class string, h Handler) {
	log := c.config.Log.WithValues("class", class)
	reconnect(ctx, log, "Following the class failed, trying again", func() (isSynced bool, err error) {
		f := follower{handler: h}
		err = c.stream(ctx, classPath(class), url.Values{"watch": {"true"}}, f.receive)
		if f.isSynced && h.Lost != nil {
			h.Lost()
		}
		return f.isSynced, err
	})
}

// FollowRole calls set with the present role of the unit, and with each new one, until ctx ends. It connects again
// within a second. If the connection has ended, it calls lost.
func (c *Client) FollowRole(ctx context.Context, set func(localapi.Role), lost func()) {
	reconnect(ctx, c.config.Log, "Following the role failed, trying again", func() (isConnected bool, err error) {
		err = c.stream(ctx, "/v1/events", nil, func(e localapi.Event) {
			isConnected = true
			if e.Type == localapi.RoleChanged {
				set(e.Role)
			}
		})
		if isConnected {
			lost()
		}
		return isConnected, err
	})
}

// reconnect calls connect again and again until ctx ends. It logs an error unless it is the same as before. After a
// connection that worked, it logs the same error again.
func reconnect(ctx context.Context, log logr.Logger, failure string, connect func() (worked bool, err error)) {
	for problem := ""; ; {
		worked, err := connect()
		if worked {
			problem = ""
		}
		if ctx.Err() == nil && err.Error() != problem {
			problem = err.Error()
			log.Info(failure, "reason", problem)
		}
		if !backoff.Sleep(ctx, retryPause) {
			return
		}
	}
}

// follower is one connection of Follow.
type follower struct {
	handler  Handler
	list     localapi.Event // the event that began the list
	entries  []Entry
	isSynced bool
}

// receive passes one event to the handler. It ignores types that it does not know.
func (f *follower) receive(e localapi.Event) {
	switch e.Type {
	case localapi.List:
		f.list, f.entries = e, nil
	case localapi.Listed:
		f.isSynced = true
		if f.handler.Synced != nil {
			f.handler.Synced(f.list.Role, f.list.Term, f.entries)
		}
		f.entries = nil
		f.handled(e.Revision)
	case localapi.Put, localapi.Delete:
		switch {
		case !f.isSynced:
			f.entries = append(f.entries, entryOf(e))
		case f.handler.Changed != nil:
			f.handler.Changed(e)
			f.handled(e.Revision)
		}
	case localapi.RoleChanged, localapi.TermChanged:
		if f.handler.Role != nil {
			f.handler.Role(e.Role, e.Term)
		}
	case localapi.HandoverSoon:
		if f.handler.HandoverSoon != nil {
			f.handler.HandoverSoon()
		}
	default: // Ping, and what later versions add
	}
}

func (f *follower) handled(revision uint64) {
	if f.handler.Handled != nil {
		f.handler.Handled(revision)
	}
}

// errEnded is the error of a stream that the server has ended.
var errEnded = errors.New("the sidecar has ended the stream")

// stream calls receive with each event of a stream. A watch ends with an error, a list without one. Without an event
// for three pings, the sidecar counts as gone.
func (c *Client) stream(ctx context.Context, path string, query url.Values, receive func(localapi.Event)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := 3 * time.Duration(localapi.Bounds().PingSeconds) * time.Second
	silent := time.AfterFunc(silence, func() { cancel(fmt.Errorf("the sidecar was silent for %s", silence)) })
	defer silent.Stop()
	response, err := c.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written that closing could lose.
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	isWatch := len(query) > 0
	for lines.Scan() {
		silent.Reset(silence)
		var e localapi.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("reading an event: %w", err)
		}
		receive(e)
		if e.Type == localapi.Listed && !isWatch {
			return nil
		}
	}
	err = lines.Err()
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errEnded
	}
	return errors.Join(err, context.Cause(ctx))
}
