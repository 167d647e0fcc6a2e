package network

import "testing"

func TestPairsOfPortsSurviveTheirEncoding(t *testing.T) {
	for _, pair := range [][2]string{{"control-plane", "worker-1"}, {"worker-2", "worker-1"}, {"fifteen-bytes-x", "a"}} {
		key := encodePair(pair[0], pair[1])
		if len(key) != 2*interfaceNameSize {
			t.Errorf("key of %v has %d bytes", pair, len(key))
		}
		if from, to := decodePair(key); from != pair[0] || to != pair[1] {
			t.Errorf("%v came back as %s, %s", pair, from, to)
		}
	}
	if from, to := decodePair([]byte("short")); from != "" || to != "" {
		t.Errorf("a short key was read as %q, %q", from, to)
	}
}

func TestACutHasNoDirection(t *testing.T) {
	if newCut("worker-1", "control-plane") != newCut("control-plane", "worker-1") {
		t.Error("the order of the two nodes changes the cut")
	}
}

func TestHardwareAddressesAreLocalUnicastAndLasting(t *testing.T) {
	address := hardwareAddress("worker-1-lan")
	if len(address) != 6 || address[0]&0b11 != 0b10 {
		t.Errorf("%s is not a locally administered unicast address", address)
	}
	if again := hardwareAddress("worker-1-lan"); again.String() != address.String() {
		t.Errorf("%s became %s", address, again)
	}
	if other := hardwareAddress("worker-2-lan"); other.String() == address.String() {
		t.Errorf("two ports share %s", address)
	}
}
