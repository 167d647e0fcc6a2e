package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestImageHoldsProgramOfEachPlatform(t *testing.T) {
	dir := t.TempDir()
	programs := map[string]string{"amd64": "the amd64 program", "arm64": "the arm64 program"}
	args := []string{
		"--name=localhost/hapair/example", "--user=65532:65532", "--entrypoint=/opt/bin/example",
		"--label=org.opencontainers.image.title=example", "--output=" + filepath.Join(dir, "example.tar"),
	}
	for architecture, content := range programs {
		path := filepath.Join(dir, architecture)
		write(t, path, content)
		args = append(args, "--binary=linux/"+architecture+"="+path)
	}
	reference := run(t, args...)

	outer := readArchive(t, filepath.Join(dir, "example.tar"))
	if err := validate.Index(outer); err != nil {
		t.Fatalf("the archive is not a valid OCI layout: %v", err)
	}
	index, descriptor := onlyIndex(t, outer)
	if got := descriptor.Annotations["io.containerd.image.name"]; got != reference {
		t.Errorf("containerd would name the image %q, want %q", got, reference)
	}
	if want := "localhost/hapair/example:" + descriptor.Digest.Hex[:digestTagLength]; reference != want {
		t.Errorf("reference = %q, want %q", reference, want)
	}
	written, err := os.ReadFile(filepath.Join(dir, "example.ref"))
	if err != nil || strings.TrimSpace(string(written)) != reference {
		t.Errorf("example.ref = %q, %v; want %q", written, err, reference)
	}

	manifest := must(index.IndexManifest())
	if len(manifest.Manifests) != len(programs) {
		t.Fatalf("the index lists %d images, want %d", len(manifest.Manifests), len(programs))
	}
	for _, entry := range manifest.Manifests {
		checkImage(t, index, entry, programs[entry.Platform.Architecture])
	}
}

func checkImage(t *testing.T, index v1.ImageIndex, entry v1.Descriptor, program string) {
	t.Helper()
	image := must(index.Image(entry.Digest))
	config := must(image.ConfigFile())
	if config.Architecture != entry.Platform.Architecture || config.OS != "linux" {
		t.Errorf("config is for %s/%s, want %s", config.OS, config.Architecture, entry.Platform)
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/opt/bin/example"}) {
		t.Errorf("config = %+v", config.Config)
	}
	if got := config.Config.Labels["org.opencontainers.image.title"]; got != "example" {
		t.Errorf("title label = %q", got)
	}
	layers := must(image.Layers())
	if len(layers) != 1 {
		t.Fatalf("%d layers, want 1", len(layers))
	}
	if mediaType := must(layers[0].MediaType()); mediaType != types.OCILayer {
		t.Errorf("layer's media type = %s", mediaType)
	}
	content := must(layers[0].Uncompressed())
	defer func() { _ = content.Close() }()
	want := map[string]string{"opt/": "", "opt/bin/": "", "opt/bin/example": program}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		expected, ok := want[header.Name]
		got := string(must(io.ReadAll(r)))
		if !ok || got != expected || header.Mode != 0o755 || !header.ModTime.Equal(epoch()) {
			t.Errorf("entry %q: mode %o, time %s, content %q", header.Name, header.Mode, header.ModTime, got)
		}
		delete(want, header.Name)
	}
	if len(want) != 0 {
		t.Errorf("missing in the layer: %v", want)
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "program"), "program")
	archive := func(name string) []byte {
		run(t, "--name=localhost/hapair/example", "--tag=v1", "--entrypoint=/example", "--label=a=1,b=2,c=3",
			"--binary=linux/amd64="+filepath.Join(dir, "program"), "--output="+filepath.Join(dir, name))
		return must(os.ReadFile(filepath.Join(dir, name)))
	}
	if !bytes.Equal(archive("first.tar"), archive("second.tar")) {
		t.Error("two archives of one program differ")
	}
}

func TestParseBinariesRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"no file":            {"linux/amd64"},
		"an empty file":      {"linux/amd64="},
		"no architecture":    {"linux=program"},
		"too many parts":     {"linux/arm64/v8/x=program"},
		"one platform twice": {"linux/amd64=a", "linux/amd64=b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseBinaries(values); err == nil {
				t.Errorf("parseBinaries(%q) = %v, want an error", values, got)
			}
		})
	}
}

func TestEntrypointMustBeACleanAbsolutePath(t *testing.T) {
	for _, entrypoint := range []string{"", "/", "manager", "/a/../b", "/a/"} {
		if _, err := buildIndex(imageSpec{Entrypoint: entrypoint}); err == nil {
			t.Errorf("entrypoint %q was accepted", entrypoint)
		}
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	if err := cmd.Execute(); err != nil {
		t.Fatalf("image %q: %v", args, err)
	}
	return strings.TrimSpace(out.String())
}

func readArchive(t *testing.T, path string) v1.ImageIndex {
	t.Helper()
	dir := t.TempDir()
	file := must(os.Open(path))
	defer func() { _ = file.Close() }()
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		target := filepath.Join(dir, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, target, string(must(io.ReadAll(r))))
	}
	return must(layout.ImageIndexFromPath(dir))
}

func onlyIndex(t *testing.T, outer v1.ImageIndex) (v1.ImageIndex, v1.Descriptor) {
	t.Helper()
	manifest := must(outer.IndexManifest())
	if len(manifest.Manifests) != 1 {
		t.Fatalf("the archive has %d manifests, want one index", len(manifest.Manifests))
	}
	descriptor := manifest.Manifests[0]
	return must(outer.ImageIndex(descriptor.Digest)), descriptor
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A script needs an interpreter, with its libraries and links.
func TestRootIsALayerBelowTheProgram(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "bin", "dash"), "the interpreter")
	if err := os.Symlink("dash", filepath.Join(root, "bin", "sh")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "script.sh"), "the script")
	run(t, "--name=localhost/hapair/example", "--entrypoint=/script.sh", "--root="+root,
		"--binary=linux/amd64="+filepath.Join(dir, "script.sh"), "--output="+filepath.Join(dir, "example.tar"))

	outer := readArchive(t, filepath.Join(dir, "example.tar"))
	if err := validate.Index(outer); err != nil {
		t.Fatalf("the archive is not a valid OCI layout: %v", err)
	}
	index, _ := onlyIndex(t, outer)
	layers := must(must(index.Image(must(index.IndexManifest()).Manifests[0].Digest)).Layers())
	if len(layers) != 2 {
		t.Fatalf("%d layers, want 2", len(layers))
	}
	content := must(layers[0].Uncompressed())
	defer func() { _ = content.Close() }()
	var got []string
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, header.Name+" "+header.Linkname+" "+string(must(io.ReadAll(r))))
	}
	if want := []string{"bin/  ", "bin/dash  the interpreter", "bin/sh dash "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRootOfAPlatform gives two platforms different interpreters.
func TestRootOfAPlatform(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "program"), "program")
	args := []string{"--name=localhost/hapair/example", "--entrypoint=/program"}
	for _, arch := range []string{"amd64", "arm64"} {
		root := filepath.Join(dir, arch)
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, "interpreter"), "for "+arch)
		args = append(args, "--root=linux/"+arch+"="+root, "--binary=linux/"+arch+"="+filepath.Join(dir, "program"))
	}
	run(t, append(args, "--output="+filepath.Join(dir, "example.tar"))...)

	index, _ := onlyIndex(t, readArchive(t, filepath.Join(dir, "example.tar")))
	for _, manifest := range must(index.IndexManifest()).Manifests {
		layer := must(must(index.Image(manifest.Digest)).Layers())[0]
		content := must(layer.Uncompressed())
		r := tar.NewReader(content)
		must(r.Next())
		if got, want := string(must(io.ReadAll(r))), "for "+manifest.Platform.Architecture; got != want {
			t.Errorf("the image for %s has %q, want %q", manifest.Platform, got, want)
		}
		_ = content.Close()
	}
}

func TestAddRootsRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"an empty directory":       {"linux/amd64="},
		"a platform without image": {"linux/arm64=dir"},
		"two of one platform":      {"linux/amd64=a", "linux/amd64=b"},
		"one for all, and another": {"a", "linux/amd64=b"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := addRoots(must(parseBinaries([]string{"linux/amd64=program"})), values); err == nil {
				t.Errorf("addRoots(%q) succeeded, want an error", values)
			}
		})
	}
}
