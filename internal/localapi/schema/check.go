package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// Types of values, and formats that a schema may require.
const (
	kindObject  = "object"
	kindArray   = "array"
	kindString  = "string"
	kindBoolean = "boolean"
	kindNumber  = "number"
	kindInteger = "integer"

	// formatIP is an IPv4 or IPv6 address.
	formatIP = "ip"
	// formatInt64 and formatDouble are formats of OpenAPI.
	formatInt64  = "int64"
	formatDouble = "double"
)

func kinds() []string {
	return []string{kindObject, kindArray, kindString, kindBoolean, kindNumber, kindInteger}
}

func formats() []string { return []string{formatIP, formatInt64, formatDouble} }

// checkText returns where a value breaks the schema, as in .wanted[2], and what is wrong there; nothing if it does not.
func (s *schema) checkText(text []byte) (where, what string) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", fmt.Sprintf("the value is not JSON: %v", err)
	}
	return s.check(value)
}

// check checks a value that was decoded, as checkText does. It goes no deeper than the schema.
func (s *schema) check(value any) (where, what string) {
	is := kindOf(value)
	isWanted := s.kind == "" || s.kind == is || s.kind == kindNumber && is == kindInteger
	if !isWanted {
		return "", fmt.Sprintf("a value of type %s is needed, and it is of type %s", s.kind, is)
	}
	switch value := value.(type) {
	case map[string]any:
		return s.checkObject(value)
	case []any:
		for i, item := range value {
			if s.items == nil {
				break
			}
			if where, what := s.items.check(item); what != "" {
				return fmt.Sprintf("[%d]%s", i, where), what
			}
		}
	case string:
		if _, err := netip.ParseAddr(value); s.format == formatIP && err != nil {
			return "", fmt.Sprintf("%.64q is not an IP address", value)
		}
	case json.Number:
		return "", s.checkNumber(value)
	}
	return "", ""
}

// checkObject checks the fields that are required, and then each field that has a schema.
func (s *schema) checkObject(value map[string]any) (where, what string) {
	for _, name := range s.required {
		if _, ok := value[name]; !ok {
			return "." + name, "the field is missing"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.properties)) {
		if field, ok := value[name]; ok {
			if where, what := s.properties[name].check(field); what != "" {
				return "." + name + where, what
			}
		}
	}
	return "", ""
}

func (s *schema) checkNumber(value json.Number) (what string) {
	number, err := value.Float64()
	if err != nil || s.minimum != nil && number < *s.minimum {
		return fmt.Sprintf("%.64s is out of range", value)
	}
	return ""
}

// kindOf returns the type of a value. A number is an integer if 64 bits can have it, with or without a sign.
func kindOf(value any) string {
	switch value := value.(type) {
	case map[string]any:
		return kindObject
	case []any:
		return kindArray
	case string:
		return kindString
	case bool:
		return kindBoolean
	case json.Number:
		_, signed := strconv.ParseInt(value.String(), 10, 64)
		_, unsigned := strconv.ParseUint(value.String(), 10, 64)
		if signed == nil || unsigned == nil {
			return kindInteger
		}
		return kindNumber
	default:
		return "null"
	}
}
