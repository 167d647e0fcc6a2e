package counts

import (
	"io"
	"os"
)

// maxFile bounds the file, which the container of the firewall writes.
const maxFile = 16 << 10

// ReadFile returns the counts in a file, from which package report makes metrics.
func ReadFile(path string) (Counts, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // Nothing was written that closing could lose.
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, err
	}
	return decode(data)
}
