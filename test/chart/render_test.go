package chart

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	root    = "../.."
	release = "hapair"
	// namespace differs from the default namespace, so that the tests find an object without a namespace.
	namespace = "hapair-system"
)

// objects are the objects of a release.
type objects []client.Object

// render returns the objects that helm template renders with the given arguments.
func render(t *testing.T, arguments ...string) objects {
	t.Helper()
	return renderAs(t, release, arguments...)
}

func renderAs(t *testing.T, release string, arguments ...string) objects {
	t.Helper()
	output, err := helm(t, append([]string{"template", release, root + "/charts/hapair", "--namespace", namespace},
		arguments...)...)
	if err != nil {
		t.Fatalf("rendering the chart with %q: %v", arguments, err)
	}
	return parse(t, output)
}

// refusal returns the error of helm template with the given arguments.
func refusal(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := helm(t, append([]string{"template", release, root + "/charts/hapair"}, arguments...)...)
	if err == nil {
		t.Fatalf("rendering the chart with %q: want a refusal, got:\n%s", arguments, output)
	}
	return err.Error()
}

// helm runs helm and returns its output. An error contains its standard error.
func helm(t testing.TB, arguments ...string) ([]byte, error) {
	t.Helper()
	readChart(t)
	command := exec.CommandContext(t.Context(), helmBinary(t), arguments...)
	// The plugins and settings of the user who runs the test must have no effect.
	command.Env = append(os.Environ(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, &helmError{err: err, text: stderr.String()}
	}
	return stdout.Bytes(), nil
}

type helmError struct {
	err  error
	text string
}

func (e *helmError) Error() string { return e.err.Error() + ": " + strings.TrimSpace(e.text) }
func (e *helmError) Unwrap() error { return e.err }

func helmBinary(t testing.TB) string {
	t.Helper()
	binary := os.Getenv("HELM")
	if binary == "" {
		binary = root + "/bin/helm"
	}
	absolute, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(absolute); err != nil {
		t.Fatalf("finding helm: %v; run \"make bin/helm\", or set $HELM to its path", err)
	}
	return absolute
}

// readChart reads all files of the chart. go test caches a result unless a file changes that the test process itself
// has read, and helm is another process.
func readChart(t testing.TB) {
	t.Helper()
	err := filepath.WalkDir(root+"/charts/hapair", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		_, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatalf("reading the chart: %v", err)
	}
}

// parse decodes manifests and refuses unknown and repeated fields.
func parse(t *testing.T, manifests []byte) objects {
	t.Helper()
	decoder := strictDecoder()
	var parsed objects
	for _, manifest := range strings.Split("\n"+string(manifests), "\n---\n") {
		if isBlank(manifest) {
			continue
		}
		object, _, err := decoder.Decode([]byte(manifest), nil, nil)
		if err != nil {
			t.Fatalf("decoding: %v\n%s", err, manifest)
		}
		parsed = append(parsed, object.(client.Object))
	}
	return parsed
}

// isBlank reports whether a manifest consists of comments and empty lines.
func isBlank(manifest string) bool {
	for line := range strings.Lines(manifest) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

func strictDecoder() runtime.Decoder {
	return serializer.NewCodecFactory(kubernetesScheme(), serializer.EnableStrict).UniversalDeserializer()
}

// kubernetesScheme returns a scheme with the kinds of the chart.
func kubernetesScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, policyv1.AddToScheme, apiextensionsv1.AddToScheme,
		coordinationv1.AddToScheme, flowcontrolv1.AddToScheme, admissionregistrationv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

// find returns the only object of type T whose name ends with suffix.
func find[T client.Object](t *testing.T, all objects, suffix string) T {
	t.Helper()
	found := findAll[T](all, suffix)
	if len(found) != 1 {
		t.Fatalf("want one %T named …%s, got %d", *new(T), suffix, len(found))
	}
	return found[0]
}

func findAll[T client.Object](all objects, suffix string) []T {
	var found []T
	for _, object := range all {
		if typed, ok := object.(T); ok && strings.HasSuffix(object.GetName(), suffix) {
			found = append(found, typed)
		}
	}
	return found
}
