// Package configuration compiles the dynamic routing of a firewall's document to the configuration of FRR (frr.conf).
// It is PURE: it decides what FRR gets, and package frr gives it to FRR.
//
//	configuration.go  what FRR gets as a whole
//	secret.go         the keys that routers share
//	filters.go        lists of prefixes, and route maps
//	interfaces.go     the commands of each interface
//	protocols.go      the commands of each protocol
package configuration
