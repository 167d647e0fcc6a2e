package document

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// enum is a string of which only some values are known.
type enum interface{ known() []string }

// decode fills target, and notes all that does not fit; it never stops at the first.
func decode(value tree, target reflect.Value, at path, problems *Problems) {
	switch target.Addr().Interface().(type) {
	case *Block:
		decodeText(value, target, at, problems, ParseBlock)
		return
	case *netip.Addr:
		decodeText(value, target, at, problems, parseAddr)
		return
	case *PortRange:
		decodePort(value, target, at, problems)
		return
	}
	switch target.Kind() {
	case reflect.Struct:
		decodeObject(value, target, at, problems)
	case reflect.Slice:
		decodeList(value, target, at, problems)
	case reflect.String:
		decodeString(value, target, at, problems)
	case reflect.Bool:
		if is(value, kindBool, at, problems) {
			target.SetBool(value.text == "true")
		}
	case reflect.Uint16:
		decodeNumber(value, target, at, problems)
	default:
		problems.add(at, "the type %s has no decoder", target.Type())
	}
}

// is notes a value of the wrong kind.
func is(value tree, want kind, at path, problems *Problems) bool {
	if value.kind == want {
		return true
	}
	switch {
	case value.kind == kindNull:
		problems.add(at, "must be %s and has no value; give one, or leave the field out", want)
	case want == kindString && (value.kind == kindNumber || value.kind == kindBool):
		problems.add(at, "must be a string and is %s; put %s in quotes", value.kind, value.text)
	default:
		problems.add(at, "must be %s and is %s", want, value.kind)
	}
	return false
}

func decodeObject(value tree, target reflect.Value, at path, problems *Problems) {
	if !is(value, kindObject, at, problems) {
		return
	}
	fields := fieldsOf(target.Type())
	seen := map[string]bool{}
	for _, f := range value.fields {
		i := slices.Index(fields, f.name)
		switch {
		case i < 0:
			problems.add(at.field(f.name), "unknown field; known here are: %s", list(fields))
		case seen[f.name]:
			problems.add(at.field(f.name), "given more than once; keep one")
		default:
			decode(f.value, target.Field(i), at.field(f.name), problems)
		}
		seen[f.name] = true
	}
	for i, name := range fields {
		if !seen[name] && required(target.Type().Field(i)) {
			problems.add(at.field(name), "must be set")
		}
	}
}

// fieldsOf are the names of a struct's fields in a document, in their order.
func fieldsOf(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// required is a field that is never left out when a document is written.
func required(f reflect.StructField) bool {
	return !strings.Contains(f.Tag.Get("json"), ",")
}

func decodeList(value tree, target reflect.Value, at path, problems *Problems) {
	if !is(value, kindList, at, problems) {
		return
	}
	if len(value.items) == 0 {
		// An empty list could be read as nothing and as anything.
		problems.add(at, "must not be empty; give an item, or leave the field out")
		return
	}
	items := reflect.MakeSlice(target.Type(), len(value.items), len(value.items))
	for i, item := range value.items {
		decode(item, items.Index(i), at.index(i), problems)
	}
	target.Set(items)
}

func decodeString(value tree, target reflect.Value, at path, problems *Problems) {
	if !is(value, kindString, at, problems) {
		return
	}
	if e, ok := target.Interface().(enum); ok && !slices.Contains(e.known(), value.text) {
		problems.add(at, "unknown value %q; known are: %s", value.text, list(e.known()))
		return
	}
	target.SetString(value.text)
}

func decodeNumber(value tree, target reflect.Value, at path, problems *Problems) {
	if !is(value, kindNumber, at, problems) {
		return
	}
	number, err := strconv.ParseUint(value.text, 10, 16)
	if err != nil || number == 0 {
		problems.add(at, "must be a whole number from 1 to 65535 and is %s", value.text)
		return
	}
	target.SetUint(number)
}

// decodePort takes a number too: a port is one, a range is not.
func decodePort(value tree, target reflect.Value, at path, problems *Problems) {
	if value.kind == kindNumber {
		value.kind = kindString
	}
	decodeText(value, target, at, problems, ParsePortRange)
}

func decodeText[T any](value tree, target reflect.Value, at path, problems *Problems, parse func(string) (T, error)) {
	if !is(value, kindString, at, problems) {
		return
	}
	parsed, err := parse(value.text)
	if err != nil {
		problems.add(at, "%s", err)
		return
	}
	target.Set(reflect.ValueOf(parsed))
}
