package survival

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"sync"
	"sync/atomic"
)

// longFile returns the content of a long transfer. No part is like another.
func longFile() []byte {
	content := make([]byte, transferSize)
	_, _ = rand.NewChaCha8([32]byte{'l'}).Read(content) // It never fails.
	return content
}

// transfer is a download of the long file with curl, which compares what comes with the file.
type transfer struct {
	name string
	came atomic.Uint64

	mu  sync.Mutex
	err error
}

// transfer begins a download, and returns when bytes come.
func (f *FTP) transfer(ctx context.Context, name string, arguments ...string) (*transfer, error) {
	t := &transfer{name: name}
	curl := exec.Command("curl", append([]string{"--disable", "--silent", "--show-error", "--no-buffer"}, arguments...)...)
	var problems bytes.Buffer
	curl.Stderr = &problems
	out, err := curl.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.Site.LAN.Start(curl); err != nil {
		return nil, err
	}
	f.running.Go(func() {
		err := t.compare(out)
		_ = curl.Process.Kill() // It may wait for data that do not come.
		exit := curl.Wait()
		t.end(errors.Join(err, exit, errors.New(problems.String())))
	})
	f.atEnd(func() { _ = curl.Process.Kill() }) // It may have ended.
	return t, t.continues(ctx)
}

// compare reads until the end, or until something differs.
func (t *transfer) compare(from io.Reader) error {
	content := rand.NewChaCha8([32]byte{'l'})
	got, want := make([]byte, 4096), make([]byte, 4096)
	for {
		n, err := from.Read(got)
		_, _ = content.Read(want[:n]) // It never fails.
		if !bytes.Equal(got[:n], want[:n]) {
			return fmt.Errorf("after %d bytes, other bytes than those of the file came", t.came.Load())
		}
		t.came.Add(uint64(n))
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", t.came.Load(), err)
		}
	}
}

// end records why no more bytes come.
func (t *transfer) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

// count returns how many bytes have come.
func (t *transfer) count() (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.came.Load(), t.err
}

// continues waits until two seconds of the transfer have come.
func (t *transfer) continues(ctx context.Context) error {
	return grows(ctx, "bytes of the transfer", 2*transferRate, t.count)
}
