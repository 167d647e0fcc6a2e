package endurance

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// enoughBytes is how many bytes must arrive before a transfer counts as alive: those of two seconds.
const enoughBytes = 16 << 20

// errEnded means that a transfer ended by itself before its source did.
var errEnded = errors.New("the transfer ended by itself")

// transfer is content on its way from a source to a sink, over any kind of connection.
type transfer struct {
	source *source
	sink   *sink
	// ended is closed when nothing more arrives. err is set before.
	ended chan struct{}
	err   error
}

func newTransfer(seed byte) transfer {
	return transfer{source: newSource(seed), sink: newSink(seed), ended: make(chan struct{})}
}

// receive makes write pass everything to the sink until the end. Call it once.
func (t *transfer) receive(write func(sink io.Writer) error) {
	t.err = write(t.sink)
	close(t.ended)
}

// broken returns why nothing more arrives, or nil while the transfer runs.
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
	return awaitGrowth(ctx, chunk, t.sink.received, t.broken)
}

// Reset implements Traffic.
func (t *transfer) Reset() { t.sink.reset() }

// Check implements Traffic.
func (t *transfer) Check(ctx context.Context) (report Report) {
	report.Err = t.finish(ctx, &report)
	return report
}

// finish waits until enough bytes arrived, ends the source, and compares the amounts. The reported gap and amount are
// from before that end.
func (t *transfer) finish(ctx context.Context, report *Report) error {
	err := awaitGrowth(ctx, enoughBytes, t.sink.received, t.broken)
	report.Unit = "bytes"
	report.Passed, report.Gap = t.sink.sinceReset()
	t.source.finish()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	select {
	case <-t.ended:
	case <-ctx.Done():
		return fmt.Errorf("the end of the transfer did not arrive: %w", ctx.Err())
	}
	if t.err != nil {
		return t.err
	}
	if sent, came := t.source.sent.Load(), t.sink.received(); sent != came {
		return fmt.Errorf("%d bytes arrived of %d that were sent", came, sent)
	}
	return nil
}
