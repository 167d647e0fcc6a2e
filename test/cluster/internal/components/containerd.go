package components

import (
	"bytes"
	_ "embed"
	"path/filepath"
	"text/template"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// ContainerdSocket is the address of a worker's containerd inside the worker.
const ContainerdSocket = "/run/containerd/containerd.sock"

const containerdConfig = "containerd.toml"

//go:embed containerd.toml.tmpl
var containerdTemplate string

func containerd(paths Paths, config string) boot.Program {
	return boot.Program{
		Name: "containerd",
		Path: filepath.Join(paths.Bin, "containerd"),
		Args: []string{"--config=" + filepath.Join(config, containerdConfig)},
	}
}

func renderContainerd(_ layout.Host, paths Paths, config string) ([]byte, error) {
	parsed, err := template.New(containerdConfig).Parse(containerdTemplate)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, map[string]string{
		"Socket":     ContainerdSocket,
		"PauseImage": paths.PauseImage,
		"Plugins":    filepath.Join(paths.Bin, "cni"),
		"Networks":   filepath.Join(config, filepath.Dir(networkConfig)),
		"Runc":       paths.Runc,
	})
	return text.Bytes(), err
}
