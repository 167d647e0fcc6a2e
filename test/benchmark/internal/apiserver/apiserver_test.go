package apiserver

import (
	"strings"
	"testing"
	"time"
)

func TestReadWrites(t *testing.T) {
	const log = `{"verb":"update","user":{"username":"system:serviceaccount:a:p-primary"},` +
		`"objectRef":{"resource":"leases"},"requestReceivedTimestamp":"2025-01-01T00:00:05.000000Z"}
{"verb":"patch","user":{"username":"system:serviceaccount:a:p-secondary"},` +
		`"objectRef":{"resource":"haunits","subresource":"status"},"requestReceivedTimestamp":"2025-01-01T00:00:06.000000Z"}
{"verb":"update","user":{"username":"system:serviceaccount:a:p-primary"},` +
		`"objectRef":{"resource":"leases"},"requestReceivedTimestamp":"2025-01-01T00:00:01.000000Z"}
{"verb":"update","user":{"username":"system:serviceaccount:ab:p-primary"},` +
		`"objectRef":{"resource":"leases"},"requestReceivedTimestamp":"2025-01-01T00:00:05.000000Z"}
{"verb":"update","user":{"username":"system:serviceaccount:a:pp-primary"},` +
		`"objectRef":{"resource":"leases"},"requestReceivedTimestamp":"2025-01-01T00:00:05.000000Z"}
`
	from := time.Date(2025, 1, 1, 0, 0, 2, 0, time.UTC)
	writes, err := readWrites(strings.NewReader(log), "system:serviceaccount:a:", "p-", from)
	if err != nil || len(writes) != 2 {
		t.Fatalf("got %+v, %v", writes, err)
	}
	if w := writes[0]; w.User != "p-primary" || w.Verb != "update" || w.Resource != "leases" {
		t.Errorf("got %+v", w)
	}
	if w := writes[1]; w.User != "p-secondary" || w.Resource != "haunits/status" {
		t.Errorf("got %+v", w)
	}
	if _, err := readWrites(strings.NewReader("{"), "", "", from); err == nil {
		t.Error("a broken log was understood")
	}
}
