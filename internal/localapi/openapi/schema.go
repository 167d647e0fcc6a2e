package openapi

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
)

// schemas collects the schemas of Go types.
type schemas struct {
	comments comments
	all      object
}

// of returns a reference to the schema of the type of a value, and adds the schema.
func (s *schemas) of(value any) (object, error) { return s.ofType(reflect.TypeOf(value)) }

func (s *schemas) ofType(t reflect.Type) (object, error) {
	switch {
	case t == reflect.TypeFor[netip.Addr]():
		return object{"type": "string", "format": "ip", "description": "An IP address."}, nil
	case t == reflect.TypeFor[json.RawMessage]():
		return object{"description": "One JSON value."}, nil
	case t.Kind() == reflect.Struct, t.Kind() == reflect.String && t.PkgPath() != "":
		return s.named(t)
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Float64:
		return object{"type": "number", "format": "double"}, nil
	case reflect.Int:
		return object{"type": "integer"}, nil
	case reflect.Uint64:
		return object{"type": "integer", "format": "int64", "minimum": 0}, nil
	case reflect.Slice:
		items, err := s.ofType(t.Elem())
		return object{"type": "array", "items": items}, err
	default:
		return nil, fmt.Errorf("type %s has no schema", t)
	}
}

// named adds the schema of a type with a name, and returns a reference to it.
func (s *schemas) named(t reflect.Type) (object, error) {
	reference := object{"$ref": "#/components/schemas/" + t.Name()}
	if _, known := s.all[t.Name()]; known {
		return reference, nil
	}
	schema := object{}
	s.all[t.Name()] = schema
	if text := s.comments.types[t.Name()]; text != "" {
		schema["description"] = text
	}
	if t.Kind() == reflect.String {
		// Later releases may have more values, which an enum would forbid.
		schema["type"], schema["x-extensible-enum"] = "string", s.comments.values[t.Name()]
		return reference, nil
	}
	properties, required := object{}, []any{}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			return nil, fmt.Errorf("field %s.%s has no name in JSON", t, field.Name)
		}
		property, err := s.ofType(field.Type)
		if err != nil {
			return nil, err
		}
		if text := s.comments.fields[t.Name()+"."+field.Name]; text != "" {
			if property["$ref"] != nil {
				property = object{"allOf": []any{property}} // a reference must stand alone
			}
			property["description"] = text
		}
		properties[name] = property
		if options != "omitempty" && options != "omitzero" {
			required = append(required, name)
		}
	}
	schema["type"], schema["properties"] = "object", properties
	if len(required) > 0 {
		schema["required"] = required
	}
	return reference, nil
}
