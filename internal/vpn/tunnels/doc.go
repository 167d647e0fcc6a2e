// Package tunnels translates the tunnels of a firewall document and the entries of a Secret into what charon loads over
// its control socket (VICI). It is pure: package vpn reads the files and speaks to charon.
package tunnels
