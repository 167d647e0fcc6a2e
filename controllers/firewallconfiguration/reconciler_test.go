package firewallconfiguration

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

var now = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

func configuration() *v1alpha1.FirewallConfiguration {
	return &v1alpha1.FirewallConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "default", Generation: 3},
		Spec: v1alpha1.FirewallConfigurationSpec{
			Zones:     []v1alpha1.FirewallZone{{Name: "lan", Interfaces: []string{"lan"}}},
			Addresses: []v1alpha1.AddressObject{{Name: "hosts", Members: []string{"192.0.2.0/24", "192.0.3.1 - 192.0.3.9"}}},
			Services: []v1alpha1.ServiceObject{{
				Name: "web", Protocol: "TCP",
				Ports: []intstr.IntOrString{intstr.FromInt32(80), intstr.FromString("443"), intstr.FromString("8000-8010")},
			}},
			Policies: []v1alpha1.FirewallPolicy{{
				Name: "out", From: []string{"lan"}, To: []string{"lan"}, Source: []string{"hosts"}, Services: []string{"web"},
				Action: "Accept", Log: true,
			}},
			SourceNAT: []v1alpha1.SourceNAT{{Name: "out", To: "lan", Address: "192.0.2.1"}},
			DestinationNAT: []v1alpha1.DestinationNAT{{
				Name: "web", From: "lan", Destination: "192.0.2.1", Service: "web", ToAddress: "192.0.2.2", ToPort: 8080,
			}},
			Logging: v1alpha1.FirewallLogging{Dropped: true},
		},
	}
}

func pair(name, configuration string) v1alpha1.HAPair {
	p := v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}}
	if configuration != "" {
		p.Spec.Firewall.ConfigurationRef = &v1alpha1.FirewallConfigurationReference{Name: configuration}
	}
	return p
}

func TestStatusOfAnAcceptedConfiguration(t *testing.T) {
	pairs := []v1alpha1.HAPair{pair("west", "edge"), pair("east", "edge"), pair("other", "else"), pair("own-image", "")}
	for i := range pairs {
		pairs[i].Spec.Networks = []v1alpha1.NetworkSpec{{Name: "lan", VirtualAddresses: []string{"192.0.2.1/24"}}}
	}
	status := statusOf(configuration(), pairs, now)

	const canonical = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
		`"zones":[{"name":"lan","interfaces":["lan"]}],` +
		`"addresses":[{"name":"hosts","members":["192.0.2.0/24","192.0.3.1-192.0.3.9"]}],` +
		`"services":[{"name":"web","protocol":"TCP","ports":[80,443,"8000-8010"]}],` +
		`"policies":[{"name":"out","from":["lan"],"to":["lan"],"source":["hosts"],"services":["web"],` +
		`"action":"Accept","log":true}],` +
		`"sourceNAT":[{"name":"out","to":"lan","address":"192.0.2.1"}],` +
		`"destinationNAT":[{"name":"web","from":"lan","destination":"192.0.2.1","service":"web",` +
		`"toAddress":"192.0.2.2","toPort":8080}],` +
		`"logging":{"dropped":true}}}` + "\n"
	want := v1alpha1.FirewallConfigurationStatus{
		ObservedGeneration: 3,
		Hash:               document.Hash([]byte(canonical)),
		Pairs:              []string{"east", "west"},
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonValid,
			Message: "The configuration has no errors", ObservedGeneration: 3, LastTransitionTime: now,
		}},
	}
	if !reflect.DeepEqual(status, want) {
		t.Errorf("got %+v, want %+v", status, want)
	}
}

func TestTranslationWithAnAddressThatNobodyHoldsIsInTheCondition(t *testing.T) {
	user, other := pair("east", "edge"), pair("west", "edge")
	user.Spec.Networks = []v1alpha1.NetworkSpec{{Name: "lan", VirtualAddresses: []string{"192.0.2.1/24"}}}
	other.Spec.Networks = []v1alpha1.NetworkSpec{{Name: "lan", VirtualAddresses: []string{"192.0.2.254/24"}}}
	quiet := statusOf(configuration(), []v1alpha1.HAPair{user}, now).Conditions[0].Message
	if strings.Contains(quiet, "warning") {
		t.Errorf("the message is %q", quiet)
	}
	condition := statusOf(configuration(), []v1alpha1.HAPair{user, other}, now).Conditions[0]
	want := "warning for pair west: spec.sourceNAT[0].address: 192.0.2.1 is in the prefix of a network"
	if condition.Status != metav1.ConditionTrue || !strings.Contains(condition.Message, want) ||
		!strings.Contains(condition.Message, "spec.destinationNAT[0].destination: 192.0.2.1") {
		t.Errorf("the condition is %+v", condition)
	}
}

func TestStatusListsEveryError(t *testing.T) {
	wrong := configuration()
	wrong.Spec.Policies[0].Source = []string{"host"}
	wrong.Spec.DestinationNAT[0].Service = "ftp"
	wrong.Status = statusOf(configuration(), nil, now)
	status := statusOf(wrong, nil, now)

	want := []v1alpha1.FieldError{
		{
			Field:   "spec.policies[0].source[0]",
			Message: `unknown address object "host"; defined are: hosts`,
		}, {
			Field:   "spec.destinationNAT[0].service",
			Message: `unknown service object "ftp"; defined are: web`,
		},
	}
	if !reflect.DeepEqual(status.Errors, want) || status.Hash != "" {
		t.Errorf("got %+v and hash %q, want %+v and none", status.Errors, status.Hash, want)
	}
	accepted := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAccepted)
	if accepted.Status != metav1.ConditionFalse || accepted.Reason != v1alpha1.ReasonInvalid ||
		accepted.Message != `2 errors, the first of them spec.policies[0].source[0]: `+want[0].Message {
		t.Errorf("Accepted is %+v", accepted)
	}

	corrected := configuration()
	corrected.Status = status
	if status := statusOf(corrected, nil, now); status.Errors != nil || status.Hash == "" {
		t.Errorf("a corrected configuration still has the errors %v", status.Errors)
	}
}

func TestStatusIsBounded(t *testing.T) {
	wrong := configuration()
	for range 2 * maxPairs {
		wrong.Spec.Policies = append(wrong.Spec.Policies, wrong.Spec.Policies[0])
	}
	var pairs []v1alpha1.HAPair
	for i := range 2 * maxPairs {
		pairs = append(pairs, pair(strings.Repeat("a", i%40+1), "edge"))
	}
	status := statusOf(wrong, pairs, now)
	if len(status.Errors) != 20 || len(status.Pairs) != maxPairs {
		t.Errorf("the status has %d errors and %d pairs", len(status.Errors), len(status.Pairs))
	}
	if message := status.Conditions[0].Message; !strings.HasPrefix(message, "2000 errors, the first of them ") {
		t.Errorf("the message is %q", message)
	}
}

func TestStatusListsErrorsWithRegardToEachPair(t *testing.T) {
	configuration := configuration()
	configuration.Spec.Routing.Routes = []v1alpha1.StaticRoute{{Name: "internet", To: "0.0.0.0/0", Via: "192.0.2.254"}}
	good, off, renamed := pair("good", "edge"), pair("off-link", "edge"), pair("renamed", "edge")
	good.Spec.Networks = []v1alpha1.NetworkSpec{{Name: "lan", VirtualAddresses: []string{"192.0.2.1/24"}}}
	off.Spec.Networks = []v1alpha1.NetworkSpec{{Name: "lan", VirtualAddresses: []string{"198.51.100.1/24"}}}
	renamed.Spec.Networks = []v1alpha1.NetworkSpec{{Name: "wan", VirtualAddresses: []string{"192.0.2.1/24"}}}

	if status := statusOf(configuration, []v1alpha1.HAPair{good}, now); status.Errors != nil {
		t.Errorf("got %+v for a pair that has the networks", status.Errors)
	}
	status := statusOf(configuration, []v1alpha1.HAPair{renamed, good, off}, now)
	want := []v1alpha1.FieldError{
		{
			Field: "spec.routing.routes[0].via",
			Message: "for pair off-link: 192.0.2.254 is on no network of the pair, so that it cannot be reached; " +
				"give a next hop that is a neighbour, or add a route to 192.0.2.254/32 that has an interface and no next hop",
		}, {
			Field:   "spec.zones[0].interfaces[0]",
			Message: `for pair renamed: the pair has no network "lan"; its networks are: wan`,
		}, {
			Field: "spec.zones",
			Message: `for pair renamed: network "wan" of the pair is in no zone, so that its traffic would not be filtered; ` +
				`add it to the interfaces of a zone`,
		},
	}
	if !reflect.DeepEqual(status.Errors, want) || status.Hash == "" {
		t.Errorf("got %+v and hash %q, want %+v and a hash, since another pair enforces it", status.Errors, status.Hash, want)
	}
	accepted := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAccepted)
	if accepted.Status != metav1.ConditionFalse || accepted.Message != "3 errors, the first of them "+
		want[0].Field+": "+want[0].Message {
		t.Errorf("Accepted is %+v", accepted)
	}
}
