package tracer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// receive observes numbers that were sent once each millisecond and took a quarter of one.
func receive(t *StreamStats, numbers ...uint64) {
	for _, n := range numbers {
		sent := epoch.Add(time.Duration(n) * ms)
		t.Observe(n, sent, sent.Add(ms/4))
	}
}

func TestStreamStats(t *testing.T) {
	tests := map[string]struct {
		numbers                   []uint64
		received, lost, reordered uint64
		longest                   time.Duration
	}{
		"nothing":                  {},
		"all":                      {[]uint64{7, 8, 9}, 3, 0, 0, 0},
		"a gap":                    {[]uint64{7, 8, 508, 509}, 4, 499, 0, 500 * ms},
		"the longest of two":       {[]uint64{1, 11, 12, 42}, 4, 9 + 29, 0, 30 * ms},
		"one packet was overtaken": {[]uint64{1, 2, 4, 3, 5}, 5, 0, 1, 2 * ms},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stats := &StreamStats{}
			receive(stats, test.numbers...)
			if stats.Received != test.received || stats.Lost != test.lost || stats.Reordered != test.reordered ||
				stats.Longest.Length != test.longest {
				t.Errorf("%+v", *stats)
			}
		})
	}
}

func TestASilenceWithoutALossIsNotAGap(t *testing.T) {
	stats := &StreamStats{}
	stats.Observe(1, epoch, epoch)
	stats.Observe(2, epoch.Add(time.Second), epoch.Add(time.Second+3*ms))
	if stats.Longest.Length != 0 || stats.Lost != 0 {
		t.Errorf("the sender's pause was counted as a gap: %+v", *stats)
	}
	if stats.Delay != 3*ms {
		t.Errorf("the packet took 3ms, recorded %v", stats.Delay)
	}
}

func TestASilenceThatHasNotEndedIsAGap(t *testing.T) {
	stats := &StreamStats{}
	receive(stats, 1, 2, 3)
	stats.AddOpenGap(3, epoch.Add(time.Hour))
	if stats.Longest.Length != 0 {
		t.Errorf("nothing was sent, but a gap was added: %+v", *stats)
	}
	stats.AddOpenGap(1003, epoch.Add(1003*ms))
	if stats.Lost != 1000 || stats.Longest.Length != 1000*ms-ms/4 {
		t.Errorf("%+v", *stats)
	}
}

func TestResetKeepsThePositionInTheStream(t *testing.T) {
	stats := &StreamStats{}
	receive(stats, 1, 500, 501)
	stats.Reset()
	if stats.Lost != 0 || stats.Longest.Length != 0 || len(stats.Gaps) != 0 {
		t.Errorf("not reset: %+v", *stats)
	}
	receive(stats, 601)
	if stats.Lost != 99 || stats.Longest.Length != 100*ms {
		t.Errorf("the first gap after the reset: %+v", *stats)
	}
}

// A machine that stands still for a second sends nothing meanwhile. Only what is lost afterwards counts.
func TestGapWhileSentLeavesOutTheSendersStall(t *testing.T) {
	stats := &StreamStats{}
	receive(stats, 1, 61)
	stats.Observe(102, epoch.Add(1161*ms), epoch.Add(1161*ms))
	if got := stats.GapWhileSent(ms); stats.Longest.Length < 1000*ms || got != 59*ms {
		t.Errorf("GapWhileSent() = %v of a longest gap of %v, want %v", got, stats.Longest.Length, 59*ms)
	}
}

func TestGapsAreBoundedAndTheLongestStay(t *testing.T) {
	stats := &StreamStats{}
	number := uint64(1)
	receive(stats, number)
	for i := range uint64(1000) {
		number += 100 + i
		receive(stats, number)
	}
	if len(stats.Gaps) != maxGaps {
		t.Fatalf("%d gaps are stored", len(stats.Gaps))
	}
	if first := stats.Gaps[0].Length; first != (100+1000-maxGaps)*ms {
		t.Errorf("the shortest stored gap is %v", first)
	}
	if !slices.IsSortedFunc(stats.Gaps, func(p, q Gap) int { return p.From.Compare(q.From) }) {
		t.Error("gaps are not in the order of time")
	}
}

// In any order of arrival: sent = received + lost, if the first and the last packet arrive in place.
func TestEveryPacketIsReceivedOrLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfDistinct(rapid.Uint64Range(2, 500), rapid.ID[uint64]).Draw(t, "numbers")
		numbers = append(append([]uint64{1}, numbers...), 501)
		stats := &StreamStats{}
		receive(stats, numbers...)
		if stats.Received+stats.Lost != 501 {
			t.Fatalf("%d received, %d lost of 501", stats.Received, stats.Lost)
		}
	})
}
