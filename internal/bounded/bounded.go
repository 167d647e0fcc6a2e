// Package bounded reads what another program wrote, and refuses what is longer than it may be. It also keeps maps
// within a bound, and shortens lists for people.
package bounded

import (
	"fmt"
	"io"
	"os"
)

// ReadFile returns the content of a file of at most limit bytes. An error of the file system is returned as it is.
func ReadFile(path string, limit int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // Nothing was written that closing could lose.
	content, err := Read(file, limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return content, nil
}

// Read returns everything up to the end, at most limit bytes.
func Read(from io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > limit {
		return nil, fmt.Errorf("it has more than the %d bytes that are allowed", limit)
	}
	return content, nil
}
