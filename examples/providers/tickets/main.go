// Command tickets is an example of a provider, see docs/providers.md. It issues tickets over HTTP, and they survive a
// failover: PUT /NAME issues one, GET /NAME checks it, and DELETE /NAME takes it back.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/localapi/client"
)

// desk serves clients. The mirror has the tickets. It refuses while the unit is not active, and returns when the peer
// has what was written.
type desk struct{ tickets *client.Mirror }

// ServeHTTP implements http.Handler.
func (d desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[1:]
	var err error
	switch r.Method {
	case http.MethodPut:
		err = d.tickets.Put(r.Context(), name, fmt.Appendf(nil, `{"issued":%q}`, time.Now().Format(time.RFC3339)))
	case http.MethodDelete:
		err = d.tickets.Delete(r.Context(), name)
	default:
		_, err = d.tickets.Get(name)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	sidecar := client.New(client.Config{Socket: os.Getenv("HAPAIR_SOCKET"), Log: logr.Discard()})
	defer sidecar.Close()
	tickets := client.NewMirror(sidecar, client.MirrorConfig{Class: "tickets", Durable: 250 * time.Millisecond})
	server := &http.Server{Addr: os.Getenv("TICKETS_ADDRESS"), Handler: desk{tickets}, ReadHeaderTimeout: time.Second}
	go func() { log.Fatal(server.ListenAndServe()) }()
	tickets.Run(ctx)
}
