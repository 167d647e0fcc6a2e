package contract

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hapair-io/hapair/internal/state"
)

// Provider is a process in the pod of a unit that publishes its state over a socket of its own.
type Provider struct {
	// Name is also that of the directory in ProvidersDirectory.
	Name string `json:"name"`
	// UID is the user of the process. The sidecar refuses connections of others.
	UID int64 `json:"uid"`
	// Writes are the classes that the provider may publish, and Reads those that it may only read.
	Writes []string `json:"writes,omitempty"`
	Reads  []string `json:"reads,omitempty"`
	// AddressObjects are the objects of DynamicAddressObjects that the provider may use; all if it is empty.
	AddressObjects []string `json:"addressObjects,omitempty"`
	// Quotas bound classes of Writes.
	Quotas []ProviderQuota `json:"quotas,omitempty"`
}

// MayWrite reports whether the provider may publish entries of a class.
func (p Provider) MayWrite(class string) bool { return slices.Contains(p.Writes, class) }

// MayRead reports whether the provider may read a class.
func (p Provider) MayRead(class string) bool {
	return p.MayWrite(class) || slices.Contains(p.Reads, class)
}

// MayUseObject reports whether the provider may use an address object, if it has the class of these objects.
func (p Provider) MayUseObject(name string) bool {
	return len(p.AddressObjects) == 0 || slices.Contains(p.AddressObjects, name)
}

// Names of the operator's own programs that have a socket. No other provider may have them.
const (
	// ProviderFirewall is that of the firewall, which publishes state.
	ProviderFirewall = "firewall"
	// ProviderVPN is that of the IKE daemon, which only follows the role of the unit.
	ProviderVPN = "vpn"
	// ProviderRouting is that of the routing daemons, which only follows the role of the unit.
	ProviderRouting = "routing"
)

// EnvironmentSocket is the environment variable of a provider that has the path of its socket.
const EnvironmentSocket = "HAPAIR_SOCKET"

// Bounds of the providers of a pair.
const (
	MaxProviders           = 8
	MaxProviderNameLength  = 32
	MaxProviderClasses     = 8
	MaxProviderClassLength = 63
	MaxProviderUID         = 1<<31 - 1
	// MaxProviderObjects bounds the address objects of a provider.
	MaxProviderObjects = 64
)

// The users of the operator's own programs, and nobody. No provider may have them.
const (
	FirstReservedUID = 65_532
	LastReservedUID  = 65_535
)

// lowercaseName matches the names of providers, and of the classes that they define. No class of the catalogue begins
// with a small letter, so the two kinds of classes cannot be confused.
var lowercaseName = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

func (s Settings) validateProviders() []error {
	var errs []error
	if len(s.Providers) > MaxProviders {
		errs = append(errs, fmt.Errorf("providers: there are %d, and at most %d are possible; remove some",
			len(s.Providers), MaxProviders))
	}
	names, users, writers := map[string]bool{}, map[int64]bool{}, map[string]string{}
	for i, p := range s.Providers {
		for _, err := range p.validate() {
			errs = append(errs, fmt.Errorf("providers[%d].%w", i, err))
		}
		if names[p.Name] {
			errs = append(errs, fmt.Errorf("providers[%d].name: another provider is named %s too; choose another", i, p.Name))
		}
		if users[p.UID] {
			errs = append(errs, fmt.Errorf("providers[%d].uid: another provider has %d too; choose another", i, p.UID))
		}
		for j, class := range p.Writes {
			if other, ok := writers[class]; ok && !isShared(class) {
				errs = append(errs, fmt.Errorf("providers[%d].writes[%d]: %s is published by provider %q already; remove one",
					i, j, class, other))
			}
			writers[class] = p.Name
		}
		names[p.Name], users[p.UID] = true, true
	}
	return append(errs, validateQuotas(s.Providers)...)
}

func (p Provider) validate() []error {
	var errs []error
	switch {
	case len(p.Name) > MaxProviderNameLength || !lowercaseName.MatchString(p.Name):
		errs = append(errs, fmt.Errorf("name: %q must begin with a letter and have at most %d of a-z, 0-9 and '-'",
			p.Name, MaxProviderNameLength))
	case p.Name == ProviderFirewall || p.Name == ProviderVPN || p.Name == ProviderRouting:
		errs = append(errs, fmt.Errorf("name: %s is the name of a program of the operator; choose another", p.Name))
	}
	switch {
	case p.UID < 1 || p.UID > MaxProviderUID:
		errs = append(errs, fmt.Errorf("uid: %d is not within 1 and %d", p.UID, MaxProviderUID))
	case p.UID >= FirstReservedUID && p.UID <= LastReservedUID:
		errs = append(errs, fmt.Errorf("uid: %d is reserved; choose one outside %d to %d",
			p.UID, FirstReservedUID, LastReservedUID))
	}
	errs = append(errs, validateProviderClasses("writes", p.Writes)...)
	errs = append(errs, validateProviderClasses("reads", p.Reads)...)
	return append(errs, p.validateObjects()...)
}

// validateObjects checks the address objects. An empty list allows all, so one without its class is a mistake.
func (p Provider) validateObjects() []error {
	var errs []error
	if len(p.AddressObjects) > MaxProviderObjects {
		errs = append(errs, fmt.Errorf("addressObjects: there are %d, and at most %d are possible; remove some",
			len(p.AddressObjects), MaxProviderObjects))
	}
	if class := state.DynamicAddressObjects.String(); len(p.AddressObjects) > 0 && !p.MayRead(class) {
		errs = append(errs, fmt.Errorf("addressObjects: the provider does not have the class %s; add it to writes", class))
	}
	for i, name := range p.AddressObjects {
		if len(name) > MaxProviderClassLength || !lowercaseName.MatchString(name) {
			errs = append(errs, fmt.Errorf("addressObjects[%d]: %q must begin with a letter and have at most %d of a-z, 0-9 "+
				"and '-'", i, name, MaxProviderClassLength))
		}
	}
	return errs
}

func validateProviderClasses(field string, classes []string) []error {
	var errs []error
	if len(classes) > MaxProviderClasses {
		errs = append(errs, fmt.Errorf("%s: there are %d, and at most %d are possible; remove some",
			field, len(classes), MaxProviderClasses))
	}
	for i, class := range classes {
		if isShared(class) {
			continue
		}
		if len(class) > MaxProviderClassLength || !lowercaseName.MatchString(class) {
			errs = append(errs, fmt.Errorf("%s[%d]: %q must begin with a letter and have at most %d of a-z, 0-9 and '-'",
				field, i, class, MaxProviderClassLength))
		}
	}
	return errs
}

// isShared reports whether a class is one of the catalogue that several providers may write.
func isShared(class string) bool {
	row, _ := state.Classes().Named(class)
	return row.Shared
}
