package vm

import (
	"bytes"
	"sync"
)

// console is what a guest has printed.
type console struct {
	mu      sync.Mutex
	changed *sync.Cond
	text    bytes.Buffer
	closed  bool
}

func newConsole() *console {
	c := &console{}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// Write appends what the guest prints.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	return c.text.Write(b)
}

func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.changed.Broadcast()
}

// String returns what was printed.
func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// await waits until a text was printed. It returns false once nothing more can come.
func (c *console) await(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !bytes.Contains(c.text.Bytes(), []byte(text)) {
		if c.closed {
			return false
		}
		c.changed.Wait()
	}
	return true
}
