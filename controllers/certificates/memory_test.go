package certificates

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestMemory(t *testing.T) {
	m := &Memory{}
	edge, other := types.NamespacedName{Namespace: "a", Name: "edge"}, types.NamespacedName{Namespace: "b", Name: "edge"}
	start := time.Now()
	for i, read := range []struct {
		pair    types.NamespacedName
		content string
		after   time.Duration
		want    time.Duration
	}{
		{edge, "1", 0, 0},
		{edge, "1", time.Hour, time.Hour},
		{other, "1", 2 * time.Hour, 0},
		{edge, "1", 3 * time.Hour, 3 * time.Hour},
		{edge, "2", 4 * time.Hour, 0},
		{edge, "1", 5 * time.Hour, 0}, // a unit may still have the content in between
		{edge, "1", 6 * time.Hour, time.Hour},
	} {
		if got := m.unchanged(read.pair, read.content, start.Add(read.after)); got != read.want {
			t.Errorf("read %d: got %v, want %v", i, got, read.want)
		}
	}

	if m.isWithoutCertificates(edge, "uid") {
		t.Error("it is certain before it was recorded")
	}
	m.setWithoutCertificates(edge, "uid")
	if !m.isWithoutCertificates(edge, "uid") || m.isWithoutCertificates(edge, "another") ||
		m.isWithoutCertificates(other, "uid") {
		t.Error("it is recorded for another pair")
	}
	if got := m.unchanged(edge, "1", start.Add(7*time.Hour)); got != 2*time.Hour {
		t.Errorf("one record overwrote the other: %v", got)
	}
	m.setWithoutCertificates(edge, "")
	if m.isWithoutCertificates(edge, "uid") {
		t.Error("it is still certain")
	}
	m.Delete(edge)
	if got := m.unchanged(edge, "1", start.Add(8*time.Hour)); got != 0 {
		t.Errorf("the record of a deleted pair is still there: %v", got)
	}
}
