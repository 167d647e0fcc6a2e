// Package all lists the classes that are built into the sidecar. A new class adds its factory here. The package decides
// nothing: the catalogue in package state has the facts about a class, and the settings choose which ones a pair uses.
package all

import (
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/class/expectations"
	"github.com/hapair-io/hapair/internal/class/neighbours"
	"github.com/hapair-io/hapair/internal/class/table"
)

// Factories returns one factory for each class. The state of class Configuration and of the classes of providers lives
// in the process, so its owner passes it.
func Factories(document *configuration.Configuration, provided *table.Set) []class.Factory {
	return append(provided.Factories(),
		document.Factory(),
		connectioncache.Factory(),
		neighbours.Static(),
		neighbours.Dynamic(),
		expectations.FTP(),
		expectations.VoIP(),
	)
}
