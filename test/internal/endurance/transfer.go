package endurance

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// much is how many bytes must come for a transfer to go on: two seconds' worth.
const much = 16 << 20

// errEnded is a transfer that ended by itself while more was to come.
var errEnded = errors.New("it ended by itself")

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

// broken says why nothing more comes, if it is so.
func (t *transfer) broken() error {
	select {
	case <-t.ended:
		return errors.Join(errEnded, t.err)
	default:
		return nil
	}
}

// await waits until the transfer flows.
func (t *transfer) await(ctx context.Context) error {
	return awaitGrowth(ctx, chunk, t.sink.count, t.broken)
}

// finish waits until the transfer has gone on, tells the source to end it, and compares what came. Gap and amount are
// those before the end, after which nothing is to come.
func (t *transfer) finish(ctx context.Context, report *Report) error {
	err := awaitGrowth(ctx, much, t.sink.count, t.broken)
	report.Unit = "bytes"
	report.Passed, report.Gap = t.sink.since()
	t.source.finish()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
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
	return nil
}
