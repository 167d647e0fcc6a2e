package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
)

func TestGatewayMetrics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts.json")
	registry := prometheus.NewPedanticRegistry()
	NewGatewayMetrics(registry, file)
	const name = "hapair_gateway_messages_total"
	want := func(values ...string) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range families {
			for _, m := range f.GetMetric() {
				text := f.GetName()
				for _, l := range m.GetLabel() {
					text += " " + l.GetName() + "=" + l.GetValue()
				}
				got = append(got, fmt.Sprintf("%s %g", text, m.GetCounter().GetValue()))
			}
		}
		if !slices.Equal(got, values) {
			t.Errorf("got %q, want %q", got, values)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want()
	var c counts.Counter
	c.Add(counts.Announced)
	c.Add(counts.Announced)
	c.Add(counts.InUse)
	data, err := counts.Counts{"RTSP": c.Read()}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(string(data))
	expected := []string{
		name + " gateway=RTSP result=Announced 2", name + " gateway=RTSP result=InUse 1",
	}
	want(expected...)
	write(`{"RTSP":{"Announced":2,"InUse":1,"Later":7}}`)
	want(expected...)
	write(`{"RTSP":{"Announced":`)
	want()
	write(`{"a":{},"b":{},"c":{},"d":{},"e":{},"f":{},"g":{},"h":{},"i":{"Announced":1}}`)
	want()
}
