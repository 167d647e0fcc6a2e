package state_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
)

func TestCatalogueIsConsistent(t *testing.T) {
	ids := map[state.Class]bool{}
	for _, row := range state.Classes() {
		if ids[row.ID] || row.ID == 0 {
			t.Errorf("%s: ID %d is used twice or is zero", row.Name, row.ID)
		}
		ids[row.ID] = true
		isNever := row.Default == state.Never
		if (row.Weight < 1) != isNever || (row.Never != "") != isNever || row.Summary == "" ||
			row.Default < state.Replicated || row.Default > state.Never {
			t.Errorf("%s: incomplete row %+v", row.Name, row)
		}
		if row.ID.String() != row.Name {
			t.Errorf("class %d is printed as %s, want %s", row.ID, row.ID, row.Name)
		}
	}
	byName := func(a, b state.Row) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(state.Classes(), byName) {
		t.Error("the catalogue is not sorted by name")
	}
}

func TestSelect(t *testing.T) {
	catalogue := append(state.Classes(),
		state.Row{ID: 200, Name: "Rumours", Default: state.Never, Never: "they change"},
		state.Row{ID: 201, Name: "Toys", Default: state.NotReplicated})
	if row, err := catalogue.Select("ConnectionCache"); err != nil || row.ID != state.ConnectionCache {
		t.Errorf("ConnectionCache is %+v, %v", row, err)
	}
	for name, want := range map[string]string{
		"Configuration": "class Configuration is always replicated and must not be named",
		"Rumours":       "class Rumours is never replicated, because they change; leave it out",
		"Dreams":        `unknown class "Dreams"; known: ` + strings.Join(catalogue.Selectable(), ", "),
		"":              `unknown class ""`,
	} {
		if row, err := catalogue.Select(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v, want an error with %q", name, row, err, want)
		}
	}
}

// TestDocumentedClasses compares the table in the documentation with the catalogue. On a difference, copy the printed
// table between the markers.
func TestDocumentedClasses(t *testing.T) {
	const file, begin, end = "../../docs/replication.md", "<!-- classes: begin -->\n", "<!-- classes: end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), begin)
	documented, _, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q", file, begin, end)
	}
	if want := table(state.Classes()); documented != want {
		t.Errorf("%s documents other classes than the catalogue has; want\n%s", file, want)
	}
}

// table returns the catalogue as a Markdown table.
func table(catalogue state.Catalogue) string {
	var b strings.Builder
	b.WriteString("| Class | Default | Weight | Contents | Limit to raise when the table is full |\n")
	b.WriteString("|---|---|---|---|---|\n")
	for _, row := range catalogue {
		hint := "–"
		if row.FullHint != "" {
			hint = "`" + row.FullHint + "`"
		}
		weight, contents := strconv.Itoa(row.Weight), row.Summary
		if row.Default == state.Never {
			weight, contents = "–", row.Summary+" Not replicated, because "+row.Never+"."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", row.Name, row.Default, weight, contents, hint)
	}
	return b.String()
}
