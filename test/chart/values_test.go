package chart

import (
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestBadValuesAreRefused checks that helm refuses a typing error, and that its error names the key.
func TestBadValuesAreRefused(t *testing.T) {
	for value, key := range map[string]string{
		"replica=3":                              "'replica'",
		"image.sidecar.tagg=x":                   "'/image/sidecar': additional properties 'tagg'",
		"image.sidecars.tag=x":                   "'/image': additional properties 'sidecars'",
		"image.manager.repository=":              "'/image/manager/repository'",
		"image.manager.repository=a:b@sha256:00": "'/image/manager/repository'",
		"image.manager.repository=https://a/b":   "'/image/manager/repository'",
		"image.manager.digest=sha256:12":         "'/image/manager/digest'",
		"image.firewall.tag=a b":                 "'/image/firewall/tag'",
		"image.pullPolicy=Sometimes":             "'/image/pullPolicy'",
		"imagePullSecrets[0]=registry":           "'/imagePullSecrets/0'",
		"replicas=two":                           "'/replicas'",
		"replicas=-1":                            "'/replicas'",
		"crds.install=maybe":                     "'/crds/install'",
		"crds.enabled=true":                      "'/crds': additional properties 'enabled'",
		"flowControl.enabled=perhaps":            "'/flowControl/enabled'",
		"flowControl.concurrencyShares=0":        "'/flowControl/concurrencyShares'",
		"flowControl.shares=10":                  "'/flowControl': additional properties 'shares'",
		"flowControl.namespaces=edge":            "'/flowControl/namespaces'",
		"flowControl.namespaces[0]=Edge":         "'/flowControl/namespaces/0'",
		"serviceAccount.create=false":            "'/serviceAccount/name'",
		"logging.format=xml":                     "'/logging/format'",
		"logging.verbosity=11":                   "'/logging/verbosity'",
		"metrics.port=70000":                     "'/metrics/port'",
		"metrics.port=8081":                      "'/metrics/port'",
		"resources.limit.cpu=1":                  "'/resources': additional properties 'limit'",
		"tolerations[0].effects=NoSchedule":      "'/tolerations/0': additional properties 'effects'",
		"tolerations[0].operator=In":             "'/tolerations/0/operator'",
		"affinity.podAffinities.x=y":             "'/affinity': additional properties 'podAffinities'",
		"podLabels.a=1":                          "'/podLabels/a'",
		"userRoles.aggregate.view=yes please":    "'/userRoles/aggregate/view'",
		"tolerations[0].operator=lt":             "'/tolerations/0/operator'",
		"nameOverride=Fire_Wall":                 "'/nameOverride'",
		"nameOverride=-fw":                       "'/nameOverride'",
		"nameOverride=a.b":                       "'/nameOverride'",
		"fullnameOverride=fw-":                   "'/fullnameOverride'",
		"fullnameOverride=FW":                    "'/fullnameOverride'",
		"fullnameOverride=a b":                   "'/fullnameOverride'",
		"serviceAccount.name=Manager":            "'/serviceAccount/name'",
		"priorityClassName=High":                 "'/priorityClassName'",
		"imagePullSecrets[0].name=my_registry":   "'/imagePullSecrets/0/name'",
		"podLabels.a=b c":                        "'/podLabels/a'",
		"nodeSelector.a=b c":                     "'/nodeSelector/a'",
		"global.imageRegistry=https://mirror":    "'/global/imageRegistry'",
		"watchNamespaces=edge":                   "'/watchNamespaces'",
		"watchNamespaces={Edge}":                 "'/watchNamespaces/0'",
		"watchNamespaces={edge,edge}":            "'/watchNamespaces'",
		"readNodes=perhaps":                      "'/readNodes'",
		"allowed.attachments={a}":                "'/allowed': additional properties 'attachments'",
		"allowed.attachmentNamespaces={a_b}":     "'/allowed/attachmentNamespaces/0'",
		"allowed.virtualAddresses={192.0.2.1}":   "'/allowed/virtualAddresses/0'",
		"allowed.images={*}":                     "'/allowed/images/0'",
		"userRoles.aggregate.edit=true":          "'/userRoles/aggregate': additional properties 'edit'",
	} {
		t.Run(value, func(t *testing.T) {
			if reason := refusal(t, "--set", value); !strings.Contains(reason, key) {
				t.Errorf("the error must name %s:\n%s", key, reason)
			}
		})
	}
}

// TestLongNamesAreRefused checks the lengths of names, from which longer ones are made.
func TestLongNamesAreRefused(t *testing.T) {
	for _, key := range []string{"nameOverride", "fullnameOverride"} {
		render(t, set(key+"="+strings.Repeat("a", 50))...)
		if reason := refusal(t, set(key+"="+strings.Repeat("a", 51))...); !strings.Contains(reason, "'/"+key+"'") {
			t.Errorf("the error must name %s:\n%s", key, reason)
		}
	}
}

// TestTolerationsOfKubernetesAreAccepted checks every operator that the API server knows.
func TestTolerationsOfKubernetesAreAccepted(t *testing.T) {
	for _, operator := range []corev1.TolerationOperator{
		corev1.TolerationOpExists, corev1.TolerationOpEqual, corev1.TolerationOpLt, corev1.TolerationOpGt,
	} {
		d := deployment(t, set("tolerations[0].key=example.com/sla", "tolerations[0].operator="+string(operator))...)
		if got := d.Spec.Template.Spec.Tolerations; len(got) != 1 || got[0].Operator != operator {
			t.Errorf("got the tolerations %v, want the operator %s", got, operator)
		}
	}
}

// TestEveryValueIsInTheSchema checks that values.yaml and the schema have the same keys.
func TestEveryValueIsInTheSchema(t *testing.T) {
	var schema node
	readYAML(t, root+"/charts/hapair/values.schema.json", &schema)
	var values map[string]any
	readYAML(t, root+"/charts/hapair/values.yaml", &values)
	compareKeys(t, "", schema.Definitions, schema, values)
}

// node is the part of a JSON schema that the comparison needs.
type node struct {
	Ref         string          `json:"$ref"`
	Properties  map[string]node `json:"properties"`
	Definitions map[string]node `json:"definitions"`
}

func compareKeys(t *testing.T, path string, definitions map[string]node, schema node, values map[string]any) {
	t.Helper()
	if name, ok := strings.CutPrefix(schema.Ref, "#/definitions/"); ok {
		schema = definitions[name]
	}
	if len(values) == 0 { // the user chooses the keys
		return
	}
	for key, property := range schema.Properties {
		value, ok := values[key]
		if !ok {
			t.Errorf("values.yaml has no %s/%s, but the schema does", path, key)
		}
		if nested, ok := value.(map[string]any); ok {
			compareKeys(t, path+"/"+key, definitions, property, nested)
		}
	}
}

// TestEveryValueIsExplained checks that each top-level key of values.yaml, or the first of a group, has a comment.
func TestEveryValueIsExplained(t *testing.T) {
	text, err := os.ReadFile(root + "/charts/hapair/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range strings.Split(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(group), "\n")
		explained := slices.ContainsFunc(lines, func(line string) bool {
			return strings.HasPrefix(strings.TrimSpace(line), "#")
		})
		if !explained {
			t.Errorf("no comment explains:\n%s", group)
		}
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
