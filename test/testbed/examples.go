package testbed

import (
	"os"
	"strings"
	"testing"
)

// Examples returns the blocks of YAML of a page. The test fails if the page has none.
func Examples(t testing.TB, page string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, found := strings.Cut(rest, "```")
		if !found {
			t.Fatalf("%s has an example without an end", page)
		}
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no example", page)
	}
	return blocks
}
