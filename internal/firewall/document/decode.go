package document

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// enum is a string with a closed set of values.
type enum interface{ known() []string }

// decode fills target from value. It collects every value that does not fit and never stops at the first.
func decode(value tree, target reflect.Value, at path, problems *Problems) {
	switch target.Addr().Interface().(type) {
	case *Block:
		decodeText(value, target, at, problems, ParseBlock)
		return
	case *ignored:
		return
	case *netip.Addr:
		decodeText(value, target, at, problems, parseAddr)
		return
	case *netip.Prefix:
		decodeText(value, target, at, problems, parseNetwork)
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
		if checkKind(value, kindBool, at, problems) {
			target.SetBool(value.text == "true")
		}
	case reflect.Uint16, reflect.Uint32:
		decodeNumber(value, target, at, problems)
	default:
		problems.add(at, "the type %s has no decoder", target.Type())
	}
}

// checkKind reports a value of the wrong kind, and returns whether it is the right one.
func checkKind(value tree, want kind, at path, problems *Problems) bool {
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
	if !checkKind(value, kindObject, at, problems) {
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
		if !seen[name] && isRequired(target.Type().Field(i)) {
			problems.add(at.field(name), "must be set")
		}
	}
}

// fieldsOf returns the JSON names of a struct's fields, in their order.
func fieldsOf(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// isRequired reports whether a field is always written, and so must always be given.
func isRequired(f reflect.StructField) bool {
	return !strings.Contains(f.Tag.Get("json"), ",")
}

func decodeList(value tree, target reflect.Value, at path, problems *Problems) {
	if !checkKind(value, kindList, at, problems) {
		return
	}
	if len(value.items) == 0 {
		// An empty list could be taken for nothing or for anything.
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
	if !checkKind(value, kindString, at, problems) {
		return
	}
	if e, ok := target.Interface().(enum); ok && !slices.Contains(e.known(), value.text) {
		problems.add(at, "unknown value %q; known are: %s", value.text, list(e.known()))
		return
	}
	target.SetString(value.text)
}

func decodeNumber(value tree, target reflect.Value, at path, problems *Problems) {
	if !checkKind(value, kindNumber, at, problems) {
		return
	}
	bits := target.Type().Bits()
	number, err := strconv.ParseUint(value.text, 10, bits)
	if err != nil || number == 0 {
		problems.add(at, "must be a whole number from 1 to %d and is %s", uint64(1)<<bits-1, value.text)
		return
	}
	target.SetUint(number)
}

// decodePort accepts a number or a string: a range of ports is a string.
func decodePort(value tree, target reflect.Value, at path, problems *Problems) {
	if value.kind == kindNumber {
		value.kind = kindString
	}
	decodeText(value, target, at, problems, ParsePortRange)
}

func decodeText[T any](value tree, target reflect.Value, at path, problems *Problems, parse func(string) (T, error)) {
	if !checkKind(value, kindString, at, problems) {
		return
	}
	parsed, err := parse(value.text)
	if err != nil {
		problems.add(at, "%s", err)
		return
	}
	target.Set(reflect.ValueOf(parsed))
}
