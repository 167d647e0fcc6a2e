package counts

import "github.com/hapair-io/hapair/internal/bounded"

// maxFile bounds the file, which the container of the firewall writes.
const maxFile = 16 << 10

// ReadFile returns the counts in a file, from which package report makes metrics.
func ReadFile(path string) (Counts, error) {
	data, err := bounded.ReadFile(path, maxFile)
	if err != nil {
		return nil, err
	}
	return decode(data)
}
