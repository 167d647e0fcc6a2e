package heartbeat

import (
	"testing"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// BenchmarkHeartbeat measures a message from the sender to the receiver.
func BenchmarkHeartbeat(b *testing.B) {
	x, y := two(b)
	b.ReportAllocs()
	for b.Loop() {
		x.say(1)
		<-y.came
	}
}

// BenchmarkSend measures what a message costs its sender.
func BenchmarkSend(b *testing.B) {
	x, y := two(b)
	y.stop()
	b.ReportAllocs()
	for b.Loop() {
		x.say(1)
	}
}

// BenchmarkCodec measures encoding, sealing, opening and decoding a message, without the network.
func BenchmarkCodec(b *testing.B) {
	first, second := session(1)
	sealer, err := seal.NewSealer(first)
	if err != nil {
		b.Fatal(err)
	}
	opener, err := seal.NewOpener(second)
	if err != nil {
		b.Fatal(err)
	}
	var payload, opened [messageSize]byte
	var datagram [datagramSize]byte
	b.ReportAllocs()
	for b.Loop() {
		written, err := example.append(payload[:0])
		if err != nil {
			b.Fatal(err)
		}
		sealed, err := sealer.Seal(datagram[:0], written)
		if err != nil {
			b.Fatal(err)
		}
		read, reason := opener.Open(opened[:0], sealed)
		if reason != seal.Accepted {
			b.Fatal(reason)
		}
		if _, err := decodeMessage(read); err != nil {
			b.Fatal(err)
		}
	}
}
