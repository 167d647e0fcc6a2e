// Package apply has what the controllers share of server-side apply: the owner of their fields, and configurations of
// the status of this project's kinds, for which none are generated.
package apply
