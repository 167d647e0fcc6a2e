package sidecar

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// The document is replicated by a pair whose policy replicates nothing, and no policy names its class.
func TestDocumentIsAlwaysReplicated(t *testing.T) {
	always := configuration.New().Class()
	classes, closeAll, err := openClasses(contract.Settings{}, always)
	if err != nil {
		t.Fatal(err)
	}
	if len(classes) != 1 || classes[0].ID != state.Configuration {
		t.Errorf("opened are %+v", classes)
	}
	if err := closeAll(); err != nil {
		t.Error(err)
	}
	_, _, err = openClasses(contract.Settings{Sync: contract.Sync{Classes: []string{"Configuration"}}}, always)
	if err == nil || !strings.Contains(err.Error(), "always replicated") {
		t.Errorf("named in a policy: %v", err)
	}
}
