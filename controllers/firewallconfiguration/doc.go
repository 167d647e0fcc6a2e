// Package firewallconfiguration is the controller of FirewallConfiguration. It reports in the status whether a
// configuration is accepted, every error with its field, and which pairs use it. The errors include those with regard
// to the networks of these pairs.
//
// It does not configure firewalls. The controller of HAPair reads the same configurations and gives them to units.
package firewallconfiguration
