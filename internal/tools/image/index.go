package main

import (
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageSpec describes the content of an image, which does not include its name.
type imageSpec struct {
	User       string
	Entrypoint string
	Labels     map[string]string
	Binaries   []binary
}

// buildIndex returns an index with one image for each platform, in the given order.
func buildIndex(spec imageSpec) (v1.ImageIndex, error) {
	if !path.IsAbs(spec.Entrypoint) || path.Clean(spec.Entrypoint) != spec.Entrypoint || spec.Entrypoint == "/" {
		return nil, fmt.Errorf("--entrypoint %q: want a clean absolute path of a program, as in /manager", spec.Entrypoint)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range spec.Binaries {
		image, err := buildImage(spec, b)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", b.Platform, err)
		}
		platform := b.Platform
		descriptor := v1.Descriptor{Platform: &platform}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: descriptor})
	}
	return index, nil
}

func buildImage(spec imageSpec, b binary) (v1.Image, error) {
	layers, err := layersOf(spec.Entrypoint, b)
	if err != nil {
		return nil, err
	}
	image := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	history := v1.History{Created: v1.Time{Time: epoch()}, CreatedBy: "image " + strings.TrimPrefix(spec.Entrypoint, "/")}
	for _, layer := range layers {
		if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: history}); err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = b.Platform.OS, b.Platform.Architecture, b.Platform.Variant
	file.Created = v1.Time{Time: epoch()}
	file.Config = v1.Config{
		User:       spec.User,
		Entrypoint: []string{spec.Entrypoint},
		WorkingDir: "/",
		Labels:     spec.Labels,
	}
	return mutate.ConfigFile(image, file)
}

// layersOf returns the layer of the program, above that of the root directory.
func layersOf(entrypoint string, b binary) ([]v1.Layer, error) {
	var layers []v1.Layer
	if b.Root != "" {
		layer, err := newTreeLayer(b.Root)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	layer, err := newLayer(b.Path, entrypoint)
	return append(layers, layer), err
}
