package conntrack

import (
	"errors"
	"testing"
)

func TestSeqAdjChange(t *testing.T) {
	first := SeqAdj{CorrectionPos: 120, OffsetAfter: 2}
	for name, c := range map[string]struct {
		before        SeqAdj
		payload, last uint32
		difference    int32
		want          SeqAdj
		err           error
	}{
		"the first one":           {SeqAdj{}, 100, 120, 2, first, nil},
		"repeated":                {first, 100, 120, 2, first, nil},
		"repeated in other parts": {first, 110, 120, 2, first, nil},
		"the next one":            {first, 121, 140, -5, SeqAdj{140, 2, -3}, nil},
		"two in one segment":      {first, 100, 140, 1, first, ErrAdjusted},
		"repeated after the next": {SeqAdj{140, 2, -3}, 100, 120, 2, SeqAdj{140, 2, -3}, ErrAdjusted},
		"past the highest number": {SeqAdj{0xfffffff0, 0, 1}, 0xfffffff8, 4, 1, SeqAdj{4, 1, 2}, nil},
		"another one at the same": {first, 100, 120, 3, first, ErrAdjusted},
		"after ones without sum":  {SeqAdj{120, 2, 2}, 100, 110, 3, SeqAdj{110, 2, 5}, nil},
	} {
		if got, err := c.before.Change(c.payload, c.last, c.difference); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", name, got, err, c.want, c.err)
		}
	}
}
