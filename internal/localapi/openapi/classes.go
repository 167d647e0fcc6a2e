package openapi

import (
	"fmt"
	"reflect"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/multicast/membership"
	"github.com/hapair-io/hapair/internal/firewall/wan"
	"github.com/hapair-io/hapair/internal/state"
)

// valueType is the Go type of some values of a class.
type valueType struct {
	class state.Class
	// name is that of the schema, and key the form of the keys.
	name, key string
	value     any
	// source is the folder of the type, from the root of the repository.
	source string
}

// valueTypes returns the types of the values of the classes that a provider of this repository publishes. A third party
// describes its own.
func valueTypes() []valueType {
	const source = "internal/firewall/multicast"
	return []valueType{
		{state.DHCPServer, "DHCPLease", "lease/<address>", pool.Lease{}, "internal/firewall/dhcp/pool"},
		{state.Multicast, "MulticastMember", "member/<interface>/<group>", membership.State{}, source + "/membership"},
		{state.Multicast, "MulticastRoute", "route/<group>/<source>", multicast.Route{}, source},
		{state.WANLoadBalancing, "LinkVerdict", "<link>", wan.Verdict{}, "internal/firewall/wan"},
	}
}

// addValueTypes adds a schema for each type, and returns those of each class.
func addValueTypes(root string, all object) (object, error) {
	classes := object{}
	for _, v := range valueTypes() {
		comments, err := parseComments(root + "/" + v.source)
		if err != nil {
			return nil, err
		}
		own := &schemas{comments: comments, all: object{}}
		if _, err := own.of(v.value); err != nil {
			return nil, fmt.Errorf("class %s: %w", v.class, err)
		}
		if len(own.all) != 1 || all[v.name] != nil {
			return nil, fmt.Errorf("class %s: the values of %s need one schema with a name of its own", v.class, v.key)
		}
		schema, _ := own.all[reflect.TypeOf(v.value).Name()].(object)
		schema["description"] = fmt.Sprintf("Value of the entries %s of class %s.", v.key, v.class)
		all[v.name] = schema
		name := v.class.String()
		of, _ := classes[name].([]any)
		classes[name] = append(of, object{"key": v.key, "schema": "#/components/schemas/" + v.name})
	}
	return classes, nil
}
