package frr

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDaemonsOfProtocols(t *testing.T) {
	got, err := daemonsOf([]string{"ospf", "rip", "ospf"})
	if want := []string{"mgmtd", "zebra", "ospfd", "ripd"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q and %v, want %q", got, err, want)
	}
	if got, err := daemonsOf([]string{"isis"}); err == nil || !strings.Contains(err.Error(), "ospf6") {
		t.Errorf("got %q and %v, want an error that names what is possible", got, err)
	}
}

// TestImageHasTheDaemons compares the daemons with the files of the image.
func TestImageHasTheDaemons(t *testing.T) {
	contents, err := os.ReadFile("../../images/routing/contents.yaml")
	if err != nil {
		t.Fatal(err)
	}
	daemons, err := daemonsOf(supportedProtocols())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range daemons {
		if !strings.Contains(string(contents), "- "+filepath.Join(programs, name)+"\n") {
			t.Errorf("images/routing/contents.yaml does not have %s", name)
		}
	}
}

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		ok    bool
	}{
		"the word":       {answer, true},
		"a failure":      {"PING\n\x00\x00\x00\x01", false},
		"another answer": {"% Unknown command\n\x00\x00\x00\x02", false},
		"half an answer": {"PING", false},
		"nothing":        {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "vty")
			listener, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				if conn, err := listener.Accept(); err == nil {
					_, _ = io.ReadFull(conn, make([]byte, len(question)))
					_, _ = io.WriteString(conn, c.reply)
					_ = conn.Close()
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := probe(ctx, socket); (err == nil) != c.ok {
				t.Errorf("got %v, want success: %t", err, c.ok)
			}
			_ = listener.Close()
			<-served
		})
	}
	if probe(t.Context(), filepath.Join(t.TempDir(), "none")) == nil {
		t.Error("a daemon without a socket answered")
	}
}
