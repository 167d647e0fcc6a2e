package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth bounds the nesting of schemas, and with it that of values.
const maxDepth = 16

// node is a schema as it is written.
type node map[string]any

// schema is a schema that was parsed. Its zero value admits every value.
type schema struct {
	kind       string // the type; empty if any is allowed
	format     string
	minimum    *float64
	properties map[string]*schema
	required   []string
	items      *schema
}

// parser parses schemas that refer to others by their names.
type parser struct{ nodes map[string]node }

const reference = "#/components/schemas/"

// referenced returns the schema that a reference names.
func (p parser) referenced(to string) (*schema, error) { return p.follow(to, maxDepth) }

func (p parser) follow(to string, depth int) (*schema, error) {
	n, ok := p.nodes[strings.TrimPrefix(to, reference)]
	if !ok || !strings.HasPrefix(to, reference) {
		return nil, fmt.Errorf("the reference %q leads nowhere", to)
	}
	return p.parse(n, depth)
}

// parse parses a schema whose nesting is at most depth.
func (p parser) parse(n node, depth int) (*schema, error) {
	if depth == 0 {
		return nil, fmt.Errorf("it has more than %d levels", maxDepth)
	}
	s := &schema{}
	for _, keyword := range slices.Sorted(maps.Keys(n)) {
		if err := p.add(s, keyword, n[keyword], depth-1); err != nil {
			return nil, fmt.Errorf("%s: %w", keyword, err)
		}
	}
	return s, nil
}

// errForm reports a keyword with a value of another type than it has.
var errForm = errors.New("its value has another type than the keyword needs")

// add adds a keyword.
func (p parser) add(s *schema, keyword string, value any, depth int) error {
	ok := true
	switch keyword {
	case "description", "title", "x-extensible-enum":
		// They describe, and forbid nothing.
	case "type":
		if s.kind, ok = value.(string); ok && !slices.Contains(kinds(), s.kind) {
			return fmt.Errorf("%q is not one of %s", s.kind, strings.Join(kinds(), ", "))
		}
	case "format":
		if s.format, ok = value.(string); ok && !slices.Contains(formats(), s.format) {
			return fmt.Errorf("%q is not one of %s", s.format, strings.Join(formats(), ", "))
		}
	case "minimum":
		var least float64
		least, ok = value.(float64)
		s.minimum = &least
	case "required":
		return addNames(s, value)
	case "properties":
		return p.addProperties(s, value, depth)
	case "items":
		return p.addOne(&s.items, value, depth)
	case "$ref":
		return p.refer(s, value, depth)
	case "allOf":
		parts, isList := value.([]any)
		if !isList || len(parts) != 1 {
			return errors.New("only one schema is supported")
		}
		var all *schema
		if err := p.addOne(&all, parts[0], depth); err != nil {
			return err
		}
		*s = *all
	default:
		return errors.New("this keyword is not supported")
	}
	if !ok {
		return errForm
	}
	return nil
}

func (p parser) addOne(to **schema, value any, depth int) (err error) {
	n, ok := value.(map[string]any)
	if !ok {
		return errForm
	}
	*to, err = p.parse(n, depth)
	return err
}

func (p parser) refer(s *schema, value any, depth int) error {
	to, ok := value.(string)
	if !ok {
		return errForm
	}
	found, err := p.follow(to, depth)
	if err == nil {
		*s = *found
	}
	return err
}

func (p parser) addProperties(s *schema, value any, depth int) error {
	all, ok := value.(map[string]any)
	if !ok {
		return errForm
	}
	s.properties = map[string]*schema{}
	for name, property := range all {
		var one *schema
		if err := p.addOne(&one, property, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.properties[name] = one
	}
	return nil
}

func addNames(s *schema, value any) error {
	all, ok := value.([]any)
	if !ok {
		return errForm
	}
	for _, v := range all {
		name, ok := v.(string)
		if !ok {
			return errForm
		}
		s.required = append(slices.Clip(s.required), name) // A reference may share it.
	}
	return nil
}
