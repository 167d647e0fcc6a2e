package connections

import "testing"

func TestNumbersAreFoundAgain(t *testing.T) {
	for _, number := range []int{0, 1, portsPerServer - 1, portsPerServer, distinct - 1} {
		f := Flow(number)
		if got, ok := numberOf(&f); !ok || got != number {
			t.Errorf("connection %d was identified as %d, %t", number, got, ok)
		}
	}
	f := Flow(3)
	f.Orig.DstPort++
	if _, ok := numberOf(&f); ok {
		t.Error("a foreign connection has a number")
	}
}
