package boot

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestURLConditionHoldsWhenTheServerSaysSo(t *testing.T) {
	status := http.StatusServiceUnavailable
	answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	server := httptest.NewTLSServer(http.HandlerFunc(answer))
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.crt")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	check, err := Condition{URL: server.URL, Authority: authority}.check()
	if err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil {
		t.Error("the condition holds although the server is not ready")
	}
	status = http.StatusOK
	if err := check(); err != nil {
		t.Errorf("the condition does not hold although the server is ready: %v", err)
	}
}

func TestURLConditionDoesNotBelieveStrangers(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	check, err := Condition{URL: server.URL}.check()
	if err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil {
		t.Error("a server of another authority was accepted")
	}
}

func TestSocketConditionHoldsWhenSomebodyListens(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	check, err := Condition{Socket: socket}.check()
	if err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil {
		t.Error("the condition holds although no process listens")
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if err := check(); err != nil {
		t.Errorf("the condition does not hold although a process listens: %v", err)
	}
}

func TestConditionWithoutWishHolds(t *testing.T) {
	if err := (Condition{}).await(); err != nil {
		t.Error(err)
	}
}
