package schema

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	description "github.com/hapair-io/hapair/api/local/v1"
	"github.com/hapair-io/hapair/internal/localapi"
)

// Classes are the schemas of the values of classes. The zero value has none. It is safe for concurrent use.
type Classes struct{ forms map[string][]form }

// form is a form of keys, and the schema of the values of such entries.
type form struct {
	// key is as in member/<interface>/<group>. It is empty if every key has the form.
	key    string
	schema *schema
}

// Published returns the schemas of the description of the API.
func Published() (Classes, error) {
	var published struct {
		Components struct{ Schemas map[string]node }
		Classes    map[string][]struct{ Key, Schema string } `json:"x-class-values"`
	}
	if err := yaml.Unmarshal(description.Description, &published); err != nil {
		return Classes{}, fmt.Errorf("reading the description of the local API: %w", err)
	}
	p, all := parser{nodes: published.Components.Schemas}, Classes{forms: map[string][]form{}}
	for class, values := range published.Classes {
		for _, v := range values {
			s, err := p.referenced(v.Schema)
			if err != nil {
				return Classes{}, fmt.Errorf("schema of class %s: %w", class, err)
			}
			all.forms[class] = append(all.forms[class], form{key: v.Key, schema: s})
		}
	}
	return all, nil
}

// With returns the classes and one more, whose values all have one schema, in YAML or JSON.
func (c Classes) With(class string, text []byte) (Classes, error) {
	var n node
	if err := yaml.UnmarshalStrict(text, &n); err != nil {
		return Classes{}, fmt.Errorf("reading the schema of class %s: %w", class, err)
	}
	s, err := parser{}.parse(n, maxDepth)
	if err != nil {
		return Classes{}, fmt.Errorf("schema of class %s: %w", class, err)
	}
	all := Classes{forms: map[string][]form{class: {{schema: s}}}}
	for other, forms := range c.forms {
		if other != class {
			all.forms[other] = forms
		}
	}
	return all, nil
}

// Check returns what is wrong with an entry; nil if nothing is, or if the class has no schema. The value must be JSON.
func (c Classes) Check(class, key string, value []byte) *localapi.Problem {
	forms, ok := c.forms[class]
	if !ok {
		return nil
	}
	for _, f := range forms {
		if !f.matches(key) {
			continue
		}
		where, what := f.schema.checkText(value)
		if what == "" {
			return nil
		}
		return localapi.NewProblem(localapi.Invalid, "class %s, key %q: %s; see the schema of the class", class, key, what).
			In("value" + where)
	}
	keys := make([]string, len(forms))
	for i, f := range forms {
		keys[i] = f.key
	}
	return localapi.NewProblem(localapi.Invalid, "class %s, key %q: a key is %s", class, key, strings.Join(keys, " or ")).
		In("key")
}

// matches reports whether a key has the form. A part in angle brackets stands for any text without a slash.
func (f form) matches(key string) bool {
	if f.key == "" {
		return true
	}
	want, got := strings.Split(f.key, "/"), strings.Split(key, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		isAny := strings.HasPrefix(want[i], "<")
		if got[i] == "" || !isAny && got[i] != want[i] {
			return false
		}
	}
	return true
}
