// Package apply has what the controllers share of server-side apply: the owner of their fields, and the conversion of a
// status to its generated apply configuration.
package apply
