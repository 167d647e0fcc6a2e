package endurance

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// much is how many bytes must come for a transfer to go on: two seconds' worth.
const much = 16 << 20

// transfer is content on its way from a source to a sink, whatever carries it.
type transfer struct {
	source *source
	sink   *sink
	// ended is closed when nothing more comes, and err, set before, says why.
	ended chan struct{}
	err   error
}

func newTransfer(seed byte) *transfer {
	return &transfer{source: newSource(seed), sink: newSink(seed), ended: make(chan struct{})}
}

// receive takes what comes until its end. It is called once.
func (t *transfer) receive(from io.Reader) {
	_, t.err = io.Copy(t.sink, from)
	close(t.ended)
}

// await waits until the transfer flows.
func (t *transfer) await(ctx context.Context) error {
	err := awaitGrowth(ctx, beginning, chunk, t.sink.count, t.ended)
	if errors.Is(err, errEnded) {
		return errors.Join(err, t.err)
	}
	return err
}

// finish waits until the transfer has gone on, tells the source to end it, and compares what came. Gap and amount are
// those before the end, after which nothing is to come.
func (t *transfer) finish(ctx context.Context, report *Report) error {
	grown := awaitGrowth(ctx, goesOn, much, t.sink.count, t.ended)
	report.Unit = "bytes"
	report.Passed, report.Gap = t.sink.since()
	t.source.finish()
	if grown != nil && !errors.Is(grown, errEnded) {
		return grown
	}
	select {
	case <-t.ended:
	case <-ctx.Done():
		return fmt.Errorf("the end did not come: %w", ctx.Err())
	}
	if t.err != nil {
		return t.err
	}
	if sent, came := t.source.sent.Load(), t.sink.count(); sent != came {
		return fmt.Errorf("%d bytes came of %d that were sent", came, sent)
	}
	return grown
}
