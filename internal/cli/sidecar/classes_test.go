package sidecar

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// replicating returns settings that replicate classes.
func replicating(classes ...contract.SyncClass) contract.Settings {
	return contract.Settings{Sync: contract.Sync{Classes: classes}}
}

func TestConfigurationIsAlwaysReplicated(t *testing.T) {
	factories := []class.Factory{configuration.New().Factory()}
	classes, closeAll, err := openClasses(replicating(), nil, state.Classes(), factories)
	if err != nil {
		t.Fatal(err)
	}
	if len(classes) != 1 || classes[0].ID != state.Configuration || classes[0].Weight != 1 {
		t.Errorf("opened %+v", classes)
	}
	if err := closeAll(); err != nil {
		t.Error(err)
	}
	_, _, err = openClasses(replicating(contract.SyncClass{Name: "Configuration"}), nil, state.Classes(), factories)
	if err == nil || !strings.Contains(err.Error(), "always replicated") {
		t.Errorf("named in a policy: %v", err)
	}
}

// rows returns a catalogue of one class for each default, numbered and weighted from 1.
func rows() state.Catalogue {
	return state.Catalogue{
		{ID: 1, Name: "A", Default: state.Always, Weight: 1},
		{ID: 2, Name: "B", Default: state.Replicated, Weight: 2},
		{ID: 3, Name: "C", Default: state.NotReplicated, Weight: 3},
	}
}

func TestSettingsChooseClassesAndWeights(t *testing.T) {
	closed := 0
	factory := func(id state.Class, failure error) class.Factory {
		return class.Factory{ID: id, New: func(class.Options) (class.Class, error) {
			c := classtest.NewMemory(id).Class()
			c.Close = func() error { closed++; return nil }
			return c, failure
		}}
	}
	working := []class.Factory{factory(1, nil), factory(2, nil), factory(3, nil)}
	b, c := contract.SyncClass{Name: "B"}, contract.SyncClass{Name: "C", Weight: 9}
	for name, test := range map[string]struct {
		settings contract.Settings
		ids      []state.Class
		weights  []int
	}{
		"none chosen":     {replicating(), []state.Class{1}, []int{1}},
		"one chosen":      {replicating(b), []state.Class{1, 2}, []int{1, 2}},
		"weight replaced": {replicating(b, c), []state.Class{1, 2, 3}, []int{1, 2, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			closed = 0
			classes, closeAll, err := openClasses(test.settings, nil, rows(), working)
			if err != nil {
				t.Fatal(err)
			}
			var ids []state.Class
			var weights []int
			for _, c := range classes {
				ids, weights = append(ids, c.ID), append(weights, c.Weight)
			}
			if !slices.Equal(ids, test.ids) || !slices.Equal(weights, test.weights) {
				t.Errorf("opened %v with weights %v, want %v with %v", ids, weights, test.ids, test.weights)
			}
			if err := closeAll(); err != nil || closed != len(classes) {
				t.Errorf("closed %d classes, %v", closed, err)
			}
		})
	}
	for name, test := range map[string]struct {
		settings  contract.Settings
		factories []class.Factory
		want      string
		closed    int
	}{
		"unknown":      {replicating(contract.SyncClass{Name: "D"}), working, `unknown class "D"`, 0},
		"not built in": {replicating(b, c), working[:2], "class C is not built in", 2},
		"failing": {
			replicating(b),
			[]class.Factory{working[0], factory(2, errors.New("out of toys"))},
			"opening class B: out of toys", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			closed = 0
			_, _, err := openClasses(test.settings, nil, rows(), test.factories)
			if err == nil || !strings.Contains(err.Error(), test.want) || closed != test.closed {
				t.Errorf("%d classes closed, %v", closed, err)
			}
		})
	}
}
