package bounded

import (
	"fmt"
	"strings"
)

// Join returns at most so many texts as one for a person to read, and how many more there are; empty without any.
func Join(texts []string, most int) string {
	joined := strings.Join(texts[:min(len(texts), most)], "; ")
	if more := len(texts) - most; more > 0 {
		joined += fmt.Sprintf("; and %d more", more)
	}
	return joined
}
