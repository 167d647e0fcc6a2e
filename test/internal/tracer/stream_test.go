package tracer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// receive plays numbers that were sent once each millisecond and took a quarter of one.
func receive(t *Tally, numbers ...uint64) {
	for _, n := range numbers {
		sent := epoch.Add(time.Duration(n) * ms)
		t.Observe(n, sent, sent.Add(ms/4))
	}
}

func TestTally(t *testing.T) {
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
			tally := &Tally{}
			receive(tally, test.numbers...)
			if tally.Received != test.received || tally.Lost != test.lost || tally.Reordered != test.reordered ||
				tally.Longest.Length != test.longest {
				t.Errorf("%+v", *tally)
			}
		})
	}
}

func TestASilenceWithoutALossIsTheSendersOwn(t *testing.T) {
	tally := &Tally{}
	tally.Observe(1, epoch, epoch)
	tally.Observe(2, epoch.Add(time.Second), epoch.Add(time.Second+3*ms))
	if tally.Longest.Length != 0 || tally.Lost != 0 {
		t.Errorf("the sender's pause counts as a gap: %+v", *tally)
	}
	if tally.Delay != 3*ms {
		t.Errorf("the packet took 3ms, noted %v", tally.Delay)
	}
}

func TestASilenceThatGoesOnIsAGap(t *testing.T) {
	tally := &Tally{}
	receive(tally, 1, 2, 3)
	tally.Silent(3, epoch.Add(time.Hour))
	if tally.Longest.Length != 0 {
		t.Errorf("nothing was sent, yet: %+v", *tally)
	}
	tally.Silent(1003, epoch.Add(1003*ms))
	if tally.Lost != 1000 || tally.Longest.Length != 1000*ms-ms/4 {
		t.Errorf("%+v", *tally)
	}
}

func TestForgettingKeepsTheStreamsPlace(t *testing.T) {
	tally := &Tally{}
	receive(tally, 1, 500, 501)
	tally.Forget()
	if tally.Lost != 0 || tally.Longest.Length != 0 || len(tally.Gaps) != 0 {
		t.Errorf("not forgotten: %+v", *tally)
	}
	receive(tally, 601)
	if tally.Lost != 99 || tally.Longest.Length != 100*ms {
		t.Errorf("the first gap after it: %+v", *tally)
	}
}

func TestGapsAreBoundedAndTheLongestStay(t *testing.T) {
	tally := &Tally{}
	number := uint64(1)
	receive(tally, number)
	for i := range uint64(1000) {
		number += 100 + i
		receive(tally, number)
	}
	if len(tally.Gaps) != maxGaps {
		t.Fatalf("%d gaps are kept", len(tally.Gaps))
	}
	if first := tally.Gaps[0].Length; first != (100+1000-maxGaps)*ms {
		t.Errorf("the shortest that is kept is %v", first)
	}
	if !slices.IsSortedFunc(tally.Gaps, func(p, q Gap) int { return p.From.Compare(q.From) }) {
		t.Error("gaps are not in the order of time")
	}
}

// Whatever arrives in which order: sent = received + lost, if the first and the last arrive where they belong.
func TestEveryPacketIsReceivedOrLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfDistinct(rapid.Uint64Range(2, 500), rapid.ID[uint64]).Draw(t, "numbers")
		numbers = append(append([]uint64{1}, numbers...), 501)
		tally := &Tally{}
		receive(tally, numbers...)
		if tally.Received+tally.Lost != 501 {
			t.Fatalf("%d received, %d lost of 501", tally.Received, tally.Lost)
		}
	})
}
