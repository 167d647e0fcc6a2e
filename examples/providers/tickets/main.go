// Command tickets is an example of a provider, see docs/providers.md. It issues tickets over HTTP, and they survive a
// failover: PUT /NAME issues one, GET /NAME checks it, and DELETE /NAME takes it back.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const class = "http://hapair/v1/classes/tickets"

type event struct {
	Type     string          `json:"type"`
	Key      string          `json:"key,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
	Role     string          `json:"role,omitempty"`
	Term     uint64          `json:"term,omitempty"`
	Revision uint64          `json:"revision,omitempty"`
}

type provider struct {
	sidecar *http.Client
	mutex   sync.Mutex
	tickets map[string]json.RawMessage // kept as they are, so that unknown fields survive
	role    string
	term    uint64
	listed  bool
	// own is set while this process decides about tickets, and unset while it follows what the sidecar tells.
	own bool
}

// request sends a request to the sidecar, and returns an error unless it succeeds.
func (p *provider) request(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, class+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := p.sidecar.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		defer func() { _ = response.Body.Close() }()
		problem, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return nil, fmt.Errorf("%s %s: %s %s", method, path, response.Status, problem)
	}
	return response.Body, nil
}

// write changes state in the sidecar. It returns when the peer has the change.
func (p *provider) write(method, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answer, err := p.request(ctx, method, fmt.Sprintf("%sterm=%d&durable=0.25", path, p.term), body)
	if err != nil {
		return err
	}
	return answer.Close()
}

// follow applies the events of the sidecar until the connection ends.
func (p *provider) follow(ctx context.Context) error {
	stream, err := p.request(ctx, http.MethodGet, "?watch=true", nil)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	for decoder := json.NewDecoder(stream); ; {
		var e event
		if err := decoder.Decode(&e); err != nil {
			return err
		}
		if err := p.apply(ctx, e); err != nil {
			return err
		}
	}
}

func (p *provider) apply(ctx context.Context, e event) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	switch e.Type {
	case "List":
		// In the same term, nobody else can have changed a ticket. So this process knows more than a sidecar that is back.
		p.own = p.own && e.Role == p.role && e.Term == p.term
		p.role, p.term, p.listed = e.Role, e.Term, false
		if !p.own {
			clear(p.tickets)
		}
	case "Put":
		if !p.own {
			p.tickets[e.Key] = e.Value
		}
	case "Delete":
		if !p.own {
			delete(p.tickets, e.Key)
		}
	case "Listed":
		p.listed = true
		if p.own {
			return p.replace()
		}
		p.own = p.role == "Active"
	case "Role":
		p.role, p.term, p.own = e.Role, e.Term, e.Role == "Active"
	default:
		return nil // a later release may send more
	}
	if p.own || !p.listed || e.Revision == 0 {
		return nil
	}
	answer, err := p.request(ctx, http.MethodPut, fmt.Sprintf("/held?revision=%d", e.Revision), nil)
	if err != nil {
		return err
	}
	return answer.Close()
}

// replace publishes all tickets, and removes all others from the sidecar.
func (p *provider) replace() error {
	var batch bytes.Buffer
	for name, ticket := range p.tickets {
		if err := json.NewEncoder(&batch).Encode(event{Type: "Put", Key: name, Value: ticket}); err != nil {
			return err
		}
	}
	return p.write(http.MethodPost, "?replace=true&", batch.Bytes())
}

// ServeHTTP serves a client.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	name := r.URL.Path[1:]
	entry := "/entries/" + url.PathEscape(name) + "?"
	var err error
	switch _, issued := p.tickets[name]; {
	case !p.own:
		err = fmt.Errorf("this unit is %s", p.role)
	case r.Method == http.MethodPut:
		ticket := fmt.Appendf(nil, `{"issued":%q}`, time.Now().Format(time.RFC3339))
		if err = p.write(http.MethodPut, entry, ticket); err == nil {
			p.tickets[name] = ticket
		}
	case r.Method == http.MethodDelete:
		if err = p.write(http.MethodDelete, entry, nil); err == nil {
			delete(p.tickets, name)
		}
	case !issued:
		err = fmt.Errorf("there is no ticket %s", name)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	dial := func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", os.Getenv("HAPAIR_SOCKET"))
	}
	p := &provider{
		sidecar: &http.Client{Transport: &http.Transport{DialContext: dial}}, tickets: map[string]json.RawMessage{},
	}
	server := &http.Server{Addr: os.Getenv("TICKETS_ADDRESS"), Handler: p, ReadHeaderTimeout: time.Second}
	go func() { log.Fatal(server.ListenAndServe()) }()
	for ctx.Err() == nil {
		log.Print("The sidecar is away: ", p.follow(ctx))
		time.Sleep(200 * time.Millisecond)
	}
}
