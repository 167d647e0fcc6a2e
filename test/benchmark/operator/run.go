package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
)

// Run measures with each number of pairs, writes the samples to a file, and prints tables.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Output, 0o755); err != nil {
		return err
	}
	raw, err := os.Create(filepath.Join(o.Output, "samples.jsonl"))
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	var samples []Sample
	for _, pairs := range o.Pairs {
		log := func(text string) { _, _ = fmt.Fprint(o.Progress, text) }
		err := harness.Run(ctx, fmt.Sprintf("%d pairs", pairs), log, func(t testing.TB) {
			samples = append(samples, measure(t, o, pairs))
		})
		if err != nil {
			return fmt.Errorf("%d pairs: %w", pairs, err)
		}
		if err := json.NewEncoder(raw).Encode(samples[len(samples)-1]); err != nil {
			return err
		}
	}
	_, err = fmt.Fprint(o.Progress, report(samples))
	return errors.Join(err, raw.Sync())
}
