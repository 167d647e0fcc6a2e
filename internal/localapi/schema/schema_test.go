package schema_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/multicast/membership"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/state"
)

func published(t testing.TB) schema.Classes {
	t.Helper()
	classes, err := schema.Published()
	if err != nil {
		t.Fatal(err)
	}
	return classes
}

// Each case breaks the schema in another way. The field names the place.
func TestValuesOfBuiltInClasses(t *testing.T) {
	const member, route = "member/lan/239.1.1.1", "route/239.1.1.1/192.0.2.1"
	for _, c := range []struct{ key, value, field, detail string }{
		{member, `{}`, "", ""},
		{member, `{"exclude":true,"unwanted":["192.0.2.1","2001:db8::1"]}`, "", ""},
		{member, `{"exclude":true,"later":{"any":[1]}}`, "", ""},
		{route, `{"in":"lan"}`, "", ""},
		{member, `{"exclude":"yes"}`, "value.exclude", "type boolean is needed, and it is of type string"},
		{member, `{"wanted":"192.0.2.1"}`, "value.wanted", "type array"},
		{member, `{"wanted":["192.0.2.1",7]}`, "value.wanted[1]", "type string is needed, and it is of type integer"},
		{member, `{"wanted":["192.0.2.256"]}`, "value.wanted[0]", `"192.0.2.256" is not an IP address`},
		{member, `{"wanted":null}`, "value.wanted", "of type null"},
		{member, `[]`, "value", "type object is needed, and it is of type array"},
		{member, `"text"`, "value", "type object"},
		{route, `{}`, "value.in", "the field is missing"},
		{route, `{"in":{}}`, "value.in", "type string"},
		{"member/lan", `{}`, "key", "a key is member/<interface>/<group> or route/<group>/<source>"},
		{"member//239.1.1.1", `{}`, "key", "a key is"},
		{"members/lan/239.1.1.1", `{}`, "key", "a key is"},
	} {
		problem := published(t).Check("Multicast", c.key, []byte(c.value))
		switch {
		case problem == nil && c.field == "":
		case problem == nil:
			t.Errorf("%s %s was accepted", c.key, c.value)
		case problem.Field != c.field || !strings.Contains(problem.Detail, c.detail) ||
			!strings.Contains(problem.Detail, "class Multicast, key \""+c.key):
			t.Errorf("%s %s: got %v, want %s: %s", c.key, c.value, problem, c.field, c.detail)
		}
	}
	if problem := published(t).Check("leases", "a", []byte("7")); problem != nil {
		t.Errorf("a class without a schema: %v", problem)
	}
}

// What the programs of this repository write is within the schemas, with all fields and with none.
func TestOwnValuesAreAccepted(t *testing.T) {
	address := []netip.Addr{netip.MustParseAddr("2001:db8::1")}
	for key, value := range map[string]any{
		"member/lan/239.1.1.1":      membership.State{},
		"member/lan/ff3e::1":        membership.State{Exclude: true, Wanted: address, Unwanted: address},
		"route/239.1.1.1/192.0.2.1": multicast.Route{In: "lan"},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if problem := published(t).Check(state.Multicast.String(), key, text); problem != nil {
			t.Errorf("%s: %v", text, problem)
		}
	}
}

func TestOwnSchemas(t *testing.T) {
	classes, err := published(t).With("leases", []byte(`
type: object
required: [until]
properties:
  until: {type: integer, minimum: 0}
  share: {type: number, minimum: 0.5}
  hosts: {type: array, items: {type: object, required: [mac], properties: {mac: {type: string}}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for value, field := range map[string]string{
		`{"until":7,"share":1,"hosts":[{"mac":"a"}]}`: "",
		`{"until":18446744073709551615}`:              "",
		`{"until":-1}`:                                "value.until",
		`{"until":1.5}`:                               "value.until",
		`{"until":1e400}`:                             "value.until",
		`{"until":7,"share":0.4}`:                     "value.share",
		`{"until":7,"share":1e999}`:                   "value.share",
		`{"until":7,"hosts":[{"mac":"a"},{}]}`:        "value.hosts[1].mac",
		`{"until":7,"hosts":[null]}`:                  "value.hosts[0]",
	} {
		got := ""
		if problem := classes.Check("leases", "any/key", []byte(value)); problem != nil {
			got = problem.Field
		}
		if got != field {
			t.Errorf("%s: the field is %q, want %q", value, got, field)
		}
	}
	if classes.Check("Multicast", "member", []byte("{}")) == nil {
		t.Error("the published schemas are gone")
	}
}

// A schema that would be validated in part is refused.
func TestSchemasAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{type: text}":                            `type: "text" is not one of object`,
		"{type: [string, number]}":                "type: its value has another type",
		"{enum: [a]}":                             "enum: this keyword is not supported",
		"{properties: {a: {pattern: x}}}":         "properties: a: pattern: this keyword",
		"{items: [{type: string}]}":               "items: its value has another type",
		"{format: date}":                          `format: "date" is not one of ip`,
		"{required: a}":                           "required: its value",
		"{minimum: a}":                            "minimum: its value",
		`{$ref: "#/components/schemas/a"}`:        "leads nowhere",
		"{allOf: [{type: string}, {type: null}]}": "allOf: only one schema",
		"type: {":                                 "reading the schema of class leases",
		strings.Repeat("{items: ", 20) + "{}" + strings.Repeat("}", 20): "more than 16 levels",
	} {
		_, err := schema.Classes{}.With("leases", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// FuzzCheck checks that no text breaks the validation, and that each refusal has a place.
func FuzzCheck(f *testing.F) {
	for _, value := range []string{`{}`, `{"wanted":["::1",5]}`, `[[[`, `1e999`, `{"exclude":{}}`, `null`} {
		f.Add("member/lan/239.1.1.1", value)
	}
	classes := published(f)
	f.Fuzz(func(t *testing.T, key, value string) {
		problem := classes.Check("Multicast", key, []byte(value))
		if problem != nil && !strings.HasPrefix(problem.Field, "value") && problem.Field != "key" {
			t.Errorf("the problem %v has no place", problem)
		}
	})
}
