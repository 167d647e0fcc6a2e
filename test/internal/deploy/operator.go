package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
)

// Namespace is where the operator runs.
const Namespace = "hapair-system"

// programs are the images that hapair ships, one for each program.
var programs = []string{"manager", "sidecar", "firewall"}

// Site is the test cluster, and the checkout that its programs were built in.
type Site struct {
	Cluster *cluster.Cluster
	// Progress receives a message at each step of long work.
	Progress cluster.Progress
}

// Start starts the test cluster, or uses a running one, and installs the operator and the sample pair. On a running
// cluster it changes only what differs.
func Start(ctx context.Context, progress cluster.Progress) (Site, error) {
	c, err := cluster.Open()
	if err != nil {
		return Site{}, err
	}
	if err := c.Up(ctx, progress); err != nil {
		return Site{}, fmt.Errorf("booting the cluster: %w", err)
	}
	s := Site{Cluster: c, Progress: progress}
	if err := s.Operator(ctx); err != nil {
		return Site{}, err
	}
	progress("Applying config/networks and config/samples")
	for _, path := range []string{"config/networks", "config/samples"} {
		if err := s.Apply(ctx, path); err != nil {
			return Site{}, err
		}
	}
	return s, nil
}

// Operator loads the images into every node and installs or upgrades the chart. Optional images are those that only
// some pairs need. It returns when the manager is available.
func (s Site) Operator(ctx context.Context, optional ...string) error {
	s.Progress("Loading the images into every node")
	images := slices.Concat(programs, optional)
	archives := make([]string, 0, len(images))
	for _, image := range images {
		archives = append(archives, s.path("bin/images", image+".tar"))
	}
	if err := s.Cluster.Load(ctx, archives...); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	s.Progress("Installing the operator with the Helm chart")
	values, err := s.imageValues(images)
	if err != nil {
		return err
	}
	_, err = s.run(ctx, s.path("bin/helm"), append([]string{
		"upgrade", "hapair", s.path("charts/hapair"), "--install", "--namespace", Namespace, "--create-namespace",
		"--kubeconfig", s.Cluster.Kubeconfig(), "--wait", "--timeout", "3m",
	}, values...)...)
	return err
}

// imageValues returns the chart's values that name the images as they were built.
func (s Site) imageValues(images []string) ([]string, error) {
	var values []string
	for _, image := range images {
		reference, err := os.ReadFile(s.path("bin/images", image+".ref"))
		if err != nil {
			return nil, fmt.Errorf("reading which image was built (run `make images`): %w", err)
		}
		repository, tag, ok := strings.Cut(strings.TrimSpace(string(reference)), ":")
		if !ok {
			return nil, fmt.Errorf("image reference %q of %s has no tag", reference, image)
		}
		values = append(values,
			"--set", "image."+image+".repository="+repository, "--set-string", "image."+image+".tag="+tag)
	}
	return values, nil
}

// Client returns a client of the cluster that knows the kinds of Kubernetes and of hapair.
func (s Site) Client() (client.WithWatch, error) {
	config, err := s.Cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{} // They would appear between the lines of the reports.
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), hapairv1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}

// Apply applies a kustomization or manifest of the checkout.
func (s Site) Apply(ctx context.Context, path string) error {
	flag := "-f"
	if _, err := os.Stat(s.path(path, "kustomization.yaml")); err == nil {
		flag = "-k"
	}
	_, err := s.Kubectl(ctx, "apply", flag, s.path(path))
	return err
}

// Kubectl runs kubectl against the cluster and returns its output.
func (s Site) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, s.path("bin/hyperkube"),
		append([]string{"kubectl", "--kubeconfig", s.Cluster.Kubeconfig()}, args...)...)
}

// run runs a client of the API server and returns its output.
func (s Site) run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err,
			strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

func (s Site) path(elements ...string) string {
	return filepath.Join(append([]string{filepath.Dir(s.Cluster.Bin())}, elements...)...)
}
