package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/localapi/schema"
)

// Config is what the kit needs to know of the provider under test.
type Config struct {
	// Class is the class that the provider publishes.
	Class string
	// Command starts the provider. {socket} in an argument is replaced by the path of the socket, which HAPAIR_SOCKET has
	// too.
	Command []string
	// Probe is called with an action and the name of a client, and exits with status 0 if the provider has granted it.
	Probe []string
	// Schema is the schema of the values of the class, in YAML or JSON. A class that hapair describes needs none.
	Schema []byte
	// Only are the names of the scripts to play; all if it is empty. Script promise is always played, since it collects
	// the entries that other scripts need.
	Only []string

	socket  string
	schemas schema.Classes
}

// Script describes one script of the kit.
type Script struct{ Name, Summary string }

// Scripts returns all scripts in the order in which they are played.
func Scripts() []Script {
	var all []Script
	for _, s := range scripts() {
		all = append(all, Script{s.name, s.summary})
	}
	return all
}

// samplesFrom is the script that collects the entries that other scripts need.
const samplesFrom = "promise"

// Run plays the scripts, and calls observe after each. It returns an error only if they cannot be played.
func Run(ctx context.Context, config Config, observe func(Result)) (report Report, err error) {
	if len(config.Command) == 0 || len(config.Probe) == 0 || config.Class == "" {
		return Report{}, errors.New("class, probe and the command of the provider must be set")
	}
	for _, name := range config.Only {
		if !slices.ContainsFunc(scripts(), func(s script) bool { return s.name == name }) {
			return Report{}, fmt.Errorf("there is no script %q; providertest list shows all", name)
		}
	}
	if config.schemas, err = config.allSchemas(); err != nil {
		return Report{}, err
	}
	directory, err := os.MkdirTemp("", "providertest-")
	if err != nil {
		return Report{}, fmt.Errorf("making a directory for the socket: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	report = Report{Class: config.Class}
	collected := samples{}
	for i, script := range scripts() {
		if len(config.Only) > 0 && script.name != samplesFrom && !slices.Contains(config.Only, script.name) {
			continue
		}
		config.socket = filepath.Join(directory, fmt.Sprintf("state-%d.sock", i))
		result := play(ctx, config, script, collected)
		report.Results = append(report.Results, result)
		observe(result)
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
	}
	return report, nil
}

// allSchemas returns the schemas of hapair, and that of the class under test.
func (c Config) allSchemas() (schema.Classes, error) {
	published, err := schema.Published()
	if err != nil || len(c.Schema) == 0 {
		return published, err
	}
	return published.With(c.Class, c.Schema)
}

func play(ctx context.Context, config Config, script script, collected samples) Result {
	began := time.Now()
	s := &stage{config: config, samples: collected, output: &tail{}}
	err := script.play(ctx, s)
	s.close()
	if s.sidecar != nil {
		err = errors.Join(err, s.sidecar.err())
	}
	return Result{
		Name: script.name, Summary: script.summary, Err: err, Output: s.output.String(), Took: time.Since(began),
	}
}
