package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/localapi"
)

// Bounds of a client.
const (
	// requestTimeout bounds a request, without the time that it waits for the standby.
	requestTimeout = 5 * time.Second
	// retryPause is the time between two connections. The API asks for at most a second.
	retryPause = 500 * time.Millisecond
	// maxLine is larger than any line of a stream.
	maxLine = 64 << 10
	// maxAnswer bounds a response that is no stream.
	maxAnswer = 64 << 10
)

// Config configures a client.
type Config struct {
	// Socket is the path of the provider's socket, as in contract.ProviderSocket.
	Socket string
	Log    logr.Logger
}

// Client sends requests to the sidecar of the pod. Its methods are safe for concurrent use. A response that reports a
// problem is an error of type *localapi.Problem.
type Client struct {
	config Config
	http   *http.Client
}

// New returns a client. It connects with its first request.
func New(config Config) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", config.Socket)
	}
	return &Client{config: config, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second,
	}}}
}

// Close closes connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Entry is an entry of a class.
type Entry struct {
	Key string
	// Value is one JSON value.
	Value json.RawMessage
	// Life is how long the entry remains; 0 if it has no end.
	Life time.Duration
}

// event returns the entry as a line of a batch.
func (e Entry) event() localapi.Event {
	return localapi.Event{Type: localapi.Put, Key: e.Key, Value: e.Value, Life: localapi.Seconds(e.Life)}
}

// Info returns the unit, its role, and what this provider may do.
func (c *Client) Info(ctx context.Context) (localapi.Info, error) {
	var info localapi.Info
	err := c.do(ctx, http.MethodGet, "/v1", nil, nil, &info)
	return info, err
}

// Put writes an entry in a term. If durable is not 0, it waits so long until the standby has it.
func (c *Client) Put(
	ctx context.Context, class string, e Entry, term uint64, durable time.Duration,
) (localapi.Written, error) {
	query := writeQuery(term, durable)
	if e.Life > 0 {
		query.Set("life", localapi.FormatSeconds(e.Life))
	}
	return c.write(ctx, http.MethodPut, entryPath(class, e.Key), query, e.Value, durable)
}

// Delete deletes an entry in a term. If durable is not 0, it waits so long until the standby knows.
func (c *Client) Delete(
	ctx context.Context, class, key string, term uint64, durable time.Duration,
) (localapi.Written, error) {
	return c.write(ctx, http.MethodDelete, entryPath(class, key), writeQuery(term, durable), nil, durable)
}

// WriteBatch writes events of type Put and Delete: all of them or, with an error, none. The lines must not be larger
// than a batch may be.
func (c *Client) WriteBatch(
	ctx context.Context, class string, events []localapi.Event, term uint64, durable time.Duration,
) (localapi.Written, error) {
	return c.writeLines(ctx, class, events, writeQuery(term, durable), durable)
}

func (c *Client) writeLines(
	ctx context.Context, class string, events []localapi.Event, query url.Values, durable time.Duration,
) (localapi.Written, error) {
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	for _, e := range events {
		if err := lines.Encode(e); err != nil {
			return localapi.Written{}, fmt.Errorf("encoding %q for class %s: %w", e.Key, class, err)
		}
	}
	return c.write(ctx, http.MethodPost, classPath(class), query, body.Bytes(), durable)
}

// Replace makes the entries those of the class, in a term. It takes any number of entries. If they do not fit into one
// batch, it deletes the others first, and then puts these.
func (c *Client) Replace(ctx context.Context, class string, entries []Entry, term uint64) error {
	size := 0
	events := make([]localapi.Event, len(entries))
	for i, e := range entries {
		events[i] = e.event()
		size += sizeOf(events[i])
	}
	if size < batchBytes {
		query := writeQuery(term, 0)
		query.Set("replace", "true")
		_, err := c.writeLines(ctx, class, events, query, 0)
		return err
	}
	return c.replace(ctx, class, entries, func(batch []localapi.Event) error {
		_, err := c.WriteBatch(ctx, class, batch, term, 0)
		return err
	})
}

func (c *Client) replace(
	ctx context.Context, class string, entries []Entry, write func([]localapi.Event) error,
) error {
	present, err := c.List(ctx, class)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(entries))
	var changes []localapi.Event
	for _, e := range entries {
		wanted[e.Key] = true
		changes = append(changes, e.event())
	}
	// The deletions come first, since a full class has no place for new entries.
	var deletions []localapi.Event
	for _, e := range present {
		if !wanted[e.Key] {
			deletions = append(deletions, localapi.Event{Type: localapi.Delete, Key: e.Key})
		}
	}
	for batch := range batches(append(deletions, changes...)) {
		if err := write(batch); err != nil {
			return err
		}
	}
	return nil
}

// PutHeld reports that this process has everything up to a revision of a class.
func (c *Client) PutHeld(ctx context.Context, class string, revision uint64) error {
	query := url.Values{"revision": {strconv.FormatUint(revision, 10)}}
	return c.do(ctx, http.MethodPut, classPath(class)+"/held", query, nil, nil)
}

// tryHeld calls PutHeld for a caller that tries again. It logs a failure, and reports whether the call succeeded.
func (c *Client) tryHeld(ctx context.Context, class string, revision uint64) bool {
	err := c.PutHeld(ctx, class, revision)
	if err != nil && ctx.Err() == nil {
		c.config.Log.V(1).Info("Reporting what this process has failed, trying again", "class", class,
			"reason", err.Error())
	}
	return err == nil
}

func classPath(class string) string { return "/v1/classes/" + url.PathEscape(class) }

func entryPath(class, key string) string { return classPath(class) + "/entries/" + url.PathEscape(key) }

func writeQuery(term uint64, durable time.Duration) url.Values {
	query := url.Values{"term": {strconv.FormatUint(term, 10)}}
	if durable > 0 {
		query.Set("durable", localapi.FormatSeconds(durable))
	}
	return query
}

func (c *Client) write(
	ctx context.Context, method, path string, query url.Values, body []byte, durable time.Duration,
) (written localapi.Written, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+durable)
	defer cancel()
	return written, c.do(ctx, method, path, query, body, &written)
}

// do sends a request, and decodes the response into answer, unless that is nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+time.Duration(localapi.Bounds().DurableSeconds)*time.Second)
	defer cancel()
	response, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written that closing could lose.
	if answer == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		return fmt.Errorf("reading the response to %s %s: %w", method, path, err)
	}
	return nil
}

// send sends a request and returns a response that reports success. The caller closes its body.
func (c *Client) send(
	ctx context.Context, method, path string, query url.Values, body []byte,
) (*http.Response, error) {
	target := "http://unit" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the sidecar at %s: %w", c.config.Socket, err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written that closing could lose.
	var problem localapi.Problem
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&problem); err != nil {
		return nil, fmt.Errorf("%s %s: status %d without a problem: %w", method, path, response.StatusCode, err)
	}
	return nil, fmt.Errorf("%s %s: %w", method, path, &problem)
}

// isProblem reports whether an error is a problem of one of the types.
func isProblem(err error, types ...localapi.ProblemType) bool {
	var problem *localapi.Problem
	if !errors.As(err, &problem) {
		return false
	}
	for _, t := range types {
		if problem.Type == t {
			return true
		}
	}
	return false
}
